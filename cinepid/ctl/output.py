"""What the operator sees: data on stdout, words about it on stderr, JSON where it is asked for.

Everything that comes from a device passes `safe`, in JSON too, where it is spelled in ASCII.
"""

import json
import os
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, NamedTuple

from cinepid.ctl.condition import Urgency
from cinepid.ctl.text import safe

STYLES = {
    Urgency.ALARM: "bold red",
    Urgency.WARNING: "yellow",
    Urgency.NOTE: "cyan",
    Urgency.NONE: "",
}
"""How urgent things look, in the words of rich."""

_LEAST_REST = 40  # characters of a column of sentences that can still be read
_INDENT = "    "


class Column(NamedTuple):
    """One column of a table."""

    title: str
    is_number: bool = False
    takes_the_rest: bool = False


class Row(NamedTuple):
    """One line of a table: its cells, and how it looks."""

    cells: tuple[str, ...]
    style: str = ""


class Output:
    """The two streams.

    Attributes:
        is_json: Whether a program reads.
        is_terminal: Whether a person reads.
        has_colour: Whether colours are wanted.
    """

    def __init__(self, *, is_json: bool, colour: bool | None = None) -> None:
        """Look at what stdout is; `colour` overrules what the environment says."""
        self.is_json = is_json
        self.is_terminal = sys.stdout.isatty() and not is_json
        wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self.has_colour = not is_json and (
            self.is_terminal and wanted if colour is None else colour
        )

    def json(self, document: object) -> None:
        """Print a document, indented."""
        sys.stdout.write(json.dumps(document, indent=2) + "\n")

    def json_line(self, document: object) -> None:
        """Print an object of a stream on one line, at once."""
        sys.stdout.write(json.dumps(document, separators=(",", ":")) + "\n")
        sys.stdout.flush()

    def line(self, text: str = "") -> None:
        """Print a line of text, which is made safe."""
        sys.stdout.write(printable(text) + "\n")
        sys.stdout.flush()

    def styled(self, text: str, style: str) -> None:
        """Print a line in a colour, if colours are wanted."""
        codes = _CODES.get(style, "") if self.has_colour else ""
        if codes:
            sys.stdout.write(f"\x1b[{codes}m{printable(text)}\x1b[0m\n")
            sys.stdout.flush()
        else:
            self.line(text)

    def note(self, text: str) -> None:
        """Say something beside the data."""
        sys.stderr.write(safe(text) + "\n")
        sys.stderr.flush()

    def table(self, columns: Sequence[Column], rows: Iterable[Row]) -> None:
        """Print a table: in the width of the terminal, or in full where a program reads.

        Where the column that takes the rest would get little, it has lines of its own.
        """
        rows = list(rows)
        if not self.is_terminal:
            self._plain_table(columns, rows)
            return
        width = shutil.get_terminal_size().columns
        if columns[-1].takes_the_rest and _is_squeezed(columns, rows, width):
            self._plain_table(columns, rows, beneath=width)
            return
        from rich.console import Console  # noqa: PLC0415 - only where a table is drawn

        console = Console(no_color=not self.has_colour, highlight=False, emoji=False)
        console.print(rich_table(columns, rows))

    def _plain_table(
        self, columns: Sequence[Column], rows: Sequence[Row], beneath: int | None = None
    ) -> None:
        """With `beneath`, the last cells are below their rows, in lines of at most that width."""
        lines = [Row(tuple(column.title for column in columns))]
        lines += [Row(tuple(printable(cell) for cell in row.cells), row.style) for row in rows]
        widths = _widths(lines)
        shown = len(columns) if beneath is None else len(columns) - 1
        for row in lines:
            padded = (
                cell.rjust(width) if column.is_number else cell.ljust(width)
                for column, cell, width in zip(columns, row.cells, widths, strict=True)
            )
            self.styled("  ".join(islice(padded, shown)).rstrip(), row.style)
            if beneath is not None and row is not lines[0]:
                for line in textwrap.wrap(row.cells[-1], max(beneath - len(_INDENT), 1)):
                    self.styled(_INDENT + line, row.style)


def _widths(rows: Sequence[Row]) -> list[int]:
    return [max(map(len, cells)) for cells in zip(*(row.cells for row in rows), strict=True)]


def _is_squeezed(columns: Sequence[Column], rows: Sequence[Row], width: int) -> bool:
    """Whether a terminal of that width leaves the last column too little of what it needs."""
    titles = Row(tuple(column.title for column in columns))
    *others, last = _widths([titles, *rows])
    rest = width - sum(others) - 2 * len(others)
    return rest < min(last, _LEAST_REST)


def printable(text: str) -> str:
    """Safe text that this stdout can spell."""
    encoding = sys.stdout.encoding or "ascii"
    return safe(text).encode(encoding, "replace").decode(encoding)


def rich_table(columns: Sequence[Column], rows: Iterable[Row]) -> Any:
    """A table for a terminal; nothing in the cells is taken for markup."""
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold", expand=False)
    for column in columns:
        table.add_column(
            column.title,
            justify="right" if column.is_number else "left",
            no_wrap=not column.takes_the_rest,
            overflow="fold" if column.takes_the_rest else "ellipsis",
        )
    for row in rows:
        table.add_row(*(Text(safe(cell)) for cell in row.cells), style=row.style)
    return table


_CODES = {"bold red": "1;31", "yellow": "33", "cyan": "36", "green": "32", "dim": "2"}
