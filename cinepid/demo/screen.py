"""The terminal: what happens scrolls above, how it stands is below; plain lines in a pipe."""

import sys
from collections.abc import Sequence
from datetime import datetime
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from cinepi.clock import Clock
from cinepid.demo.picture import Picture


class Screen:
    """Shows lines, and on a terminal a panel that keeps up with the device."""

    def __init__(self, picture: Picture, clock: Clock) -> None:
        """Show nothing yet."""
        self._picture = picture
        self._clock = clock
        self._console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
        self._heading = ""
        self._hints: Sequence[str] = ()
        self._live: Live | None = None

    def __enter__(self) -> Self:
        """Use the terminal in a `with` block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the last picture standing, and the terminal as it was."""
        if self._live:
            self._live.stop()

    def say(self, words: str) -> None:
        """Add a line, with the time."""
        at = datetime.fromtimestamp(self._clock.wall()).astimezone()
        self._console.print(Text(f"{at:%H:%M:%S}  {words}"))
        sys.stdout.flush()

    def introduce(self, heading: str, hints: Sequence[str]) -> None:
        """Say what this is and what to try; from here on a terminal shows the panel."""
        self._heading, self._hints = heading, hints
        if self._console.is_terminal:
            self._live = Live(console=self._console, get_renderable=self._panel, auto_refresh=False)
            self._live.start()
        else:
            for line in (heading, *hints):
                self._console.print(Text(line))
            sys.stdout.flush()

    def refresh(self) -> None:
        """Let the panel say how it stands now."""
        if self._live:
            self._live.refresh()

    def _panel(self) -> RenderableType:
        rows = Table.grid(padding=(0, 2))
        for word, words in self._picture.rows(self._clock.wall()):
            rows.add_row(Text(word, style="dim"), Text(words))
        hints = Group(*(Text(hint, overflow="fold") for hint in self._hints))
        return Group(Text(), Text(self._heading, style="bold"), rows, Text(), hints)
