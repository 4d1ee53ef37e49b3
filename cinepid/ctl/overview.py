"""One line about a device, for `ls` and `watch`."""

from collections.abc import Iterable
from typing import NamedTuple

from cinepi.units import Seconds, WallTime
from cinepid.ctl.condition import (
    Judgement,
    Urgency,
    its_time,
    judge,
    last_picture_at,
    usual_version,
)
from cinepid.ctl.fleet import Device
from cinepid.ctl.output import STYLES, Column, Row
from cinepid.ctl.text import count, span

COLUMNS = (
    Column("DEVICE"),
    Column("STATE"),
    Column("SESSION"),
    Column("FRAMES", is_number=True),
    Column("MISSED", is_number=True),
    Column("LAST", is_number=True),
    Column("DISK", is_number=True),
    Column("TEMP", is_number=True),
    Column("VERSION"),
    Column("PROBLEM", takes_the_rest=True),
)


class Line(NamedTuple):
    """A device and what is to be said of it."""

    device: Device
    judgement: Judgement
    picture_age: Seconds | None

    @property
    def row(self) -> Row:
        """As a line of a table."""
        device, health = self.device, self.device.health
        session = device.session
        used = None
        if health and health.disk_free_bytes is not None and health.disk_total_bytes:
            used = 100 * (1 - health.disk_free_bytes / health.disk_total_bytes)
        temperature = health.temperature_c if health else None
        frames = session and (session.frames or session.missed)
        return Row(
            (
                device.id,
                "online" if device.is_online else "offline",
                session.state if session else "-",
                str(session.frames) if session and frames else "-",
                str(session.missed) if session and frames else "-",
                span(self.picture_age),
                "-" if used is None else f"{used:.0f}%",
                "-" if temperature is None else f"{temperature:.0f}°C",
                device.version or "-",
                self.judgement.text,
            ),
            STYLES[self.judgement.urgency] if device.is_online else "dim",
        )

    @property
    def json(self) -> dict[str, object]:
        """As a program wants it."""
        device, health, session = self.device, self.device.health, self.device.session
        return {
            "device": device.id,
            "state": device.status.state if device.status else "unknown",
            "session": session.state if session else None,
            "frames": session.frames if session else None,
            "missed": session.missed if session else None,
            "last_capture_at": device.capture.taken_at if device.capture else None,
            "last_capture_age_s": None if self.picture_age is None else round(self.picture_age, 1),
            "disk_free_bytes": health.disk_free_bytes if health else None,
            "disk_total_bytes": health.disk_total_bytes if health else None,
            "temperature_c": health.temperature_c if health else None,
            "version": device.version or None,
            "urgency": self.judgement.urgency.name.lower(),
            "problems": [finding.text for finding in self.judgement.findings],
        }


def lines(devices: Iterable[Device], everyone: Iterable[Device], wall: WallTime) -> list[Line]:
    """What there is to say, with what needs a person first.

    Args:
        devices: Whom to tell of.
        everyone: All there are, to know which version is usual.
        wall: The time here.
    """
    usual = usual_version(everyone)
    found = []
    for device in devices:
        taken = last_picture_at(device)
        age = None if taken is None else max(0.0, its_time(device, wall) - taken)
        found.append(Line(device, judge(device, wall, usual), age))
    return sorted(found, key=lambda line: (line.judgement.urgency, line.device.id))


def totals(found: list[Line]) -> str:
    """All of them in one sentence."""
    online = sum(line.device.is_online for line in found)
    active = sum(
        line.device.session is not None
        and line.device.session.state == "active"
        and line.device.is_online
        for line in found
    )
    urgent = sum(line.judgement.urgency <= Urgency.WARNING for line in found)
    parts = [count(len(found), "device"), f"{online} online", f"{active} in a session"]
    if urgent:
        parts.append(f"{urgent} to look at")
    elif found and online == len(found):
        parts.append("all is well")
    return ", ".join(parts)
