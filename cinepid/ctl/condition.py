"""What about a device needs a person, and how urgently. Pure.

Presence alone does not say it: a device that is online may take no pictures, say nothing, lose
events, or live in another time. Times of a device are judged by its own clock as far as the
difference to ours is known.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from enum import IntEnum
from typing import NamedTuple

from cinepi.units import Seconds, WallTime
from cinepid.ctl.documents import Health
from cinepid.ctl.fleet import Device, time_of
from cinepid.ctl.text import count, size, span

SILENT_AFTER: Seconds = 120.0
"""Health is said every 30 s: four times nothing is silence."""
CLOCK_TOLERANCE: Seconds = 2.0
HOT_C = 80.0
"""Where a Raspberry Pi begins to slow down."""
FEW_DAYS = 3.0
_MISSED_SHARE = 0.05
_TOLERATED_MISSES = 3
_SPARE_INTERVALS = 2
_SPARE: Seconds = 30.0
_CERTAIN_TWIN = 3  # A, B, A: a restart would not bring A back


class Urgency(IntEnum):
    """How soon a person should look; the order is the order of lists."""

    ALARM = 0
    WARNING = 1
    NOTE = 2
    NONE = 3


class Finding(NamedTuple):
    """One thing about a device."""

    urgency: Urgency
    text: str


class Judgement(NamedTuple):
    """All about one device, the most urgent first."""

    findings: tuple[Finding, ...]

    @property
    def urgency(self) -> Urgency:
        """Of the worst."""
        return self.findings[0].urgency if self.findings else Urgency.NONE

    @property
    def text(self) -> str:
        """All in one line; empty if all is well."""
        return "; ".join(finding.text for finding in self.findings)


def usual_version(devices: Iterable[Device]) -> str | None:
    """The version that most devices have; None unless more than half agree."""
    versions = Counter(device.version for device in devices if device.version)
    if not versions:
        return None
    version, number = versions.most_common(1)[0]
    return version if number * 2 > versions.total() else None


def judge(device: Device, wall: WallTime, usual: str | None = None) -> Judgement:
    """Look at everything that is known.

    Args:
        device: The device.
        wall: The time here.
        usual: The version that most others have, if there is one.
    """
    found = sorted(_findings(device, wall, usual), key=lambda finding: finding.urgency)
    return Judgement(tuple(found))


def last_picture_at(device: Device) -> WallTime | None:
    """When its newest picture was taken, by its own clock; None if it has none."""
    capture = device.capture
    return time_of(capture.taken_at) if capture else None


def its_time(device: Device, wall: WallTime) -> WallTime:
    """What its clock says now, as far as we know."""
    return wall + (device.clock_ahead_s or 0.0)


def _findings(device: Device, wall: WallTime, usual: str | None) -> Iterator[Finding]:
    status, now = device.status, its_time(device, wall)
    if device.unreadable:
        channels = ", ".join(sorted(device.unreadable))
        yield Finding(Urgency.WARNING, f"makes no sense: {channels}")
    if len(set(device.boots)) < len(device.boots) >= _CERTAIN_TWIN:
        yield Finding(Urgency.ALARM, "two devices call themselves so")
    if status is None:
        yield Finding(Urgency.WARNING, "has never said that it is there")
        return
    if status.state != "online":
        yield _absence(device, now)
        return
    yield from _silence(device, now)
    yield from _pictures(device, now)
    yield from _clock(device, wall)
    if device.health is not None:
        yield from _board(device.health)
    if device.events_missed:
        yield Finding(Urgency.WARNING, f"{count(device.events_missed, 'event')} not heard")
    if usual is not None and device.version and device.version != usual:
        yield Finding(Urgency.NOTE, f"version {device.version}, others have {usual}")


def _absence(device: Device, now: WallTime) -> Finding:
    status = device.status
    reason = status.reason if status else ""
    since = time_of(status.at) if status else None
    ago = f" {span(now - since)} ago" if since is not None and reason == "shutdown" else ""
    if reason == "shutdown":
        return Finding(Urgency.NOTE, f"was stopped{ago}")
    return Finding(Urgency.ALARM, f"offline: {reason.replace('_', ' ') or 'nobody knows why'}")


def _silence(device: Device, now: WallTime) -> Iterator[Finding]:
    if device.health is None:
        yield Finding(Urgency.WARNING, "says nothing of its health")
        return
    said = time_of(device.health.at)
    if said is not None and now - said > SILENT_AFTER:
        yield Finding(Urgency.ALARM, f"says it is online, but silent for {span(now - said)}")


def _pictures(device: Device, now: WallTime) -> Iterator[Finding]:
    session = device.session
    if session is None:
        return
    if session.state == "paused" and session.pause_reason not in (None, "command"):
        reason = str(session.pause_reason).replace("_", " ")
        yield Finding(Urgency.ALARM, f"session paused: {reason}")
    if session.state != "active":
        return
    last = max(
        filter(None, map(time_of, (session.last_frame_at, session.started_at))), default=None
    )
    allowed = _SPARE_INTERVALS * (session.interval or 0) + _SPARE
    if last is not None and now - last > allowed:
        yield Finding(Urgency.ALARM, f"session takes no pictures for {span(now - last)}")
    if session.missed > max(_TOLERATED_MISSES, _MISSED_SHARE * (session.frames + session.missed)):
        yield Finding(Urgency.WARNING, f"{count(session.missed, 'frame')} missed")


def _clock(device: Device, wall: WallTime) -> Iterator[Finding]:
    status, ahead = device.status, device.clock_ahead_s
    if ahead is None and device.health is not None:
        said = time_of(device.health.at)
        if said is not None and said - wall > CLOCK_TOLERANCE:
            ahead = said - wall  # said in the future: at least that much
    if ahead is not None and abs(ahead) > CLOCK_TOLERANCE:
        direction = "ahead" if ahead > 0 else "behind"
        yield Finding(Urgency.WARNING, f"clock {span(abs(ahead))} {direction}")
    is_set = device.health.clock_synced if device.health else status is None or status.clock_synced
    if not is_set:
        yield Finding(Urgency.NOTE, "clock not set by a time server")


def _board(health: Health) -> Iterator[Finding]:
    for check in health.checks.values():
        if check.state not in ("ok", "unknown"):
            urgency = Urgency.ALARM if check.state == "failing" else Urgency.WARNING
            yield Finding(urgency, check.reason or check.state)
    if health.mqtt.problem and all(
        health.mqtt.problem != check.reason for check in health.checks.values()
    ):
        yield Finding(Urgency.WARNING, health.mqtt.problem)
    if health.disk_state == "full":
        yield Finding(Urgency.ALARM, f"disk full: {size(health.disk_free_bytes)} free")
    elif health.disk_state == "low":
        yield Finding(Urgency.WARNING, f"disk low: {size(health.disk_free_bytes)} free")
    elif health.disk_days_left is not None and health.disk_days_left < FEW_DAYS:
        yield Finding(Urgency.WARNING, f"disk full in {health.disk_days_left:.1f} days")
    if health.under_voltage:
        yield Finding(Urgency.WARNING, "power supply too weak")
    if health.throttled or (health.temperature_c or 0) >= HOT_C:
        yield Finding(Urgency.WARNING, "too hot or short of power: slowed down")
    if health.events_lost:
        yield Finding(Urgency.WARNING, f"{count(health.events_lost, 'event')} lost")
