"""What `watch` shows, and what keys do to it. Pure but for drawing, which rich does."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from cinepid.ctl.output import Row, rich_table
from cinepid.ctl.overview import COLUMNS, Line, totals
from cinepid.ctl.text import safe

_FRAME = 4  # title, head of the table, message, and one line to spare
_HELP = "↑↓ choose  enter details  / filter  s snapshot  p pause or resume  r say again  q quit"
_STEPS = {"up": -1, "k": -1, "down": 1, "j": 1, "page up": -10, "page down": 10}
_COMMANDS = {"s": "snapshot", "p": "pause", "r": "republish"}


@dataclass(slots=True)
class View:
    """What the user looks at.

    Attributes:
        filter: Part of a name, state or problem that lines must have.
        is_typing: Whether keys go into the filter.
        chosen: The device under the cursor; None for the first.
        is_detailed: Whether that device is shown in full.
        message: The last thing that happened.
        quitting: Set when it is over.
    """

    filter: str = ""
    is_typing: bool = False
    chosen: str | None = None
    is_detailed: bool = False
    message: str = _HELP
    quitting: asyncio.Event = field(default_factory=asyncio.Event)

    def shown(self, lines: Sequence[Line]) -> list[Line]:
        """The lines that the filter leaves."""
        wanted = self.filter.lower()
        return [line for line in lines if not wanted or wanted in _searched(line)]

    def press(self, key: str, lines: Sequence[Line]) -> str | None:
        """Take a key; returns a command for the chosen device, if it asks for one."""
        if self.is_typing:
            self._type(key)
            return None
        match key:
            case "q":
                self.quitting.set()
            case "/":
                self.is_typing, self.filter = True, ""
            case _ if key in _STEPS:
                self._move(self.shown(lines), _STEPS[key])
            case "enter":
                self.is_detailed = not self.is_detailed
            case "escape":
                self.filter, self.is_detailed, self.message = "", False, _HELP
            case "?":
                self.message = _HELP
        return _COMMANDS.get(key)

    def chosen_line(self, lines: Sequence[Line]) -> Line | None:
        """The line under the cursor."""
        shown = self.shown(lines)
        found = (line for line in shown if line.device.id == self.chosen)
        return next(found, shown[0] if shown else None)

    def _type(self, key: str) -> None:
        match key:
            case "enter":
                self.is_typing = False
            case "escape":
                self.is_typing, self.filter = False, ""
            case "backspace":
                self.filter = self.filter[:-1]
            case _ if len(key) == 1:
                self.filter += key

    def _move(self, shown: Sequence[Line], steps: int) -> None:
        names = [line.device.id for line in shown]
        if names:
            at = names.index(self.chosen) if self.chosen in names else 0
            self.chosen = names[max(0, min(len(names) - 1, at + steps))]


def picture(view: View, lines: Sequence[Line], server: str, height: int) -> Any:
    """The whole screen, as rich draws it: only lines that fit are made."""
    from rich.console import Group  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    shown = view.shown(lines)
    title = Text(f"cinepi  {totals(list(lines))}  {server}", style="bold", no_wrap=True)
    if view.filter or view.is_typing:
        cursor = "_" if view.is_typing else ""
        title.append(f"  / {safe(view.filter)}{cursor} ({len(shown)})", style="cyan")
    chosen = view.chosen_line(lines)
    room = max(1, height - _FRAME)
    details: list[str] = []
    if view.is_detailed and chosen is not None:
        details = _details(chosen)[: max(0, room - 3)]
        room = max(1, room - len(details) - 1)
    at = shown.index(chosen) if chosen in shown else 0
    first = max(0, min(at - room // 2, len(shown) - room))
    rows = []
    for line in shown[first : first + room]:
        row = line.row
        is_chosen = line is chosen
        rows.append(Row(row.cells, f"{row.style} reverse".strip()) if is_chosen else row)
    parts = [title, rich_table(COLUMNS, rows)]
    if details:
        parts.append(Text("\n".join(details), no_wrap=True))
    parts.append(Text(safe(view.message), style="dim", no_wrap=True))
    return Group(*parts)


def _searched(line: Line) -> str:
    return " ".join((*line.row.cells, *line.device.info.groups)).lower()


def _details(line: Line) -> list[str]:
    device = line.device
    found = [f"{device.id}:"]
    found += [f"  {finding.urgency.name.lower()}: {finding.text}" for finding in line.judgement[0]]
    if (session := device.session) is not None:
        pace = f", every {session.interval:g} s" if session.interval else ""
        found.append("  " + " ".join(filter(None, ("session", session.name, session.state))) + pace)
    if (capture := device.capture) is not None:
        found.append(f"  last picture {capture.filename} at {capture.taken_at}")
    if (health := device.health) is not None:
        found += [
            f"  {name}: {check.state} {check.reason}" for name, check in health.checks.items()
        ]
    return [safe(text) for text in found]
