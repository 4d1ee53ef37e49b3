"""What this program reads of a device's documents, and nothing else.

Looser than what the daemon writes: devices of other versions, and strangers, are on the same
broker. A key that is missing has a default here, a word that is new is shown as it is.
"""

import msgspec


class View(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a document; see `Stamp` in the contract for what all retained ones begin with."""

    at: str = ""
    boot: str = ""
    seq: int = 0


class Status(View, frozen=True):
    """`status`."""

    state: str = "offline"
    reason: str = ""
    version: str = ""
    clock_synced: bool = True


class Info(View, frozen=True):
    """`info`."""

    name: str = ""
    area: str = ""
    model: str = ""
    version: str = ""
    groups: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


class Session(View, frozen=True):
    """`session`."""

    state: str = "unknown"
    name: str | None = None
    interval: float | None = None
    frames: int = 0
    missed: int = 0
    started_at: str | None = None
    last_frame_at: str | None = None
    pause_reason: str | None = None


class Check(msgspec.Struct, frozen=True):
    """One of the checks in `health`."""

    state: str = "unknown"
    reason: str = ""


class Mqtt(msgspec.Struct, frozen=True):
    """The connection to the broker, in `health`."""

    protocol: str = ""
    problem: str | None = None


class Health(View, frozen=True):
    """`health`."""

    state: str = "unknown"
    checks: dict[str, Check] = {}
    mqtt: Mqtt = Mqtt()
    temperature_c: float | None = None
    under_voltage: bool | None = None
    throttled: bool | None = None
    disk_free_bytes: int | None = None
    disk_total_bytes: int | None = None
    disk_days_left: float | None = None
    disk_state: str | None = None
    events_lost: int = 0
    clock_synced: bool = True


class CaptureFile(View, frozen=True):
    """A picture, or what lies beside it."""

    filename: str = ""
    size: int = 0
    sha256: str = ""


class Capture(CaptureFile, frozen=True):
    """`capture`, and one picture in answers and lists."""

    files: tuple[CaptureFile, ...] = ()
    taken_at: str = ""
    width: int = 0
    height: int = 0
    clock_synced: bool = True


class AnswerError(msgspec.Struct, frozen=True):
    """Why a command failed."""

    code: str = "internal"
    message: str = ""


class Answer(msgspec.Struct, frozen=True):
    """`response/<group>/<verb>`."""

    id: str
    final: bool = True
    success: bool | None = None
    message: str = ""
    data: msgspec.Raw = msgspec.Raw(b"null")
    error: AnswerError | None = None
    replayed: bool = False
    warnings: tuple[str, ...] = ()


KINDS: dict[str, type[View]] = {
    "status": Status,
    "info": Info,
    "session": Session,
    "health": Health,
    "capture": Capture,
}
"""The documents that are kept of every device, by their channel."""
