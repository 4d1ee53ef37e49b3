"""Events: what happened, in the past tense, as the journal keeps it and MQTT tells it."""

from typing import Literal

import msgspec

from cinepi.model.documents import (
    CaptureDocument,
    EndReason,
    Ends,
    MissReason,
    PauseReason,
    Rung,
)


def _snake_case(name: str) -> str:
    return "".join("_" + c.lower() if c.isupper() else c for c in name).lstrip("_")


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=_snake_case):
    """One thing that happened; its type is the class's name in snake case."""


class CaptureStored(CaptureDocument, frozen=True, tag_field="type", tag=_snake_case):
    """A picture is complete on disk."""


class CaptureFailed(Event, frozen=True):
    """A picture that was asked for could not be taken or kept.

    Attributes:
        code: Of the error, as in answers.
        message: Why, in a sentence.
        kind: `frame` or `snapshot`.
        session: Id of the session; None for a snapshot.
        frame: Number of the slot in the session; None for a snapshot.
    """

    code: str
    message: str
    kind: str
    session: str | None = None
    frame: int | None = None


class FramesMissed(Event, frozen=True):
    """Slots of a session passed without a picture.

    Attributes:
        session: Id of the session.
        first_frame: Number of the first slot that passed.
        count: How many, one after the other.
        reason: Why.
    """

    session: str
    first_frame: int
    count: int
    reason: MissReason


class SessionStarted(Event, frozen=True):
    """A session has begun, or waits for its start time.

    Attributes:
        session: Id of the session.
        name: What the user called it.
        interval: Seconds from slot to slot.
        ends: When it ends by itself.
        start_at: When it begins, RFC 3339; None for at once.
    """

    session: str
    name: str | None
    interval: float
    ends: Ends
    start_at: str | None = None


class SessionResumed(Event, frozen=True):
    """A session goes on: after a pause, or after a restart of the service or the machine.

    Attributes:
        session: Id of the session.
        cause: `command`, `storage_recovered`, `service_down` or `power_off`.
        missed: Slots that passed meanwhile.
    """

    session: str
    cause: str
    missed: int = 0


class SessionPaused(Event, frozen=True):
    """A session waits.

    Attributes:
        session: Id of the session.
        reason: Why.
    """

    session: str
    reason: PauseReason


class SessionChanged(Event, frozen=True):
    """A running session has a new interval, on a new grid from its next frame.

    Attributes:
        session: Id of the session.
        interval: Seconds from slot to slot, from now on.
        previous_interval: And before.
    """

    session: str
    interval: float
    previous_interval: float


class SessionStopped(Event, frozen=True):
    """A session has ended.

    Attributes:
        session: Id of the session.
        reason: Why.
        frames: Pictures taken.
        missed: Slots without one.
    """

    session: str
    reason: EndReason
    frames: int
    missed: int


class ConfigChanged(Event, frozen=True):
    """The configuration has a new revision.

    Attributes:
        revision: The new one.
        changed: Paths of changed values, such as `/capture/interval`.
        source: `command`, `file` (edited by hand), `restore` or `recovery`.
        backup_file: The copy of what was before; None if backups are off or there was nothing.
    """

    revision: int
    changed: tuple[str, ...]
    source: str
    backup_file: str | None = None


class ConfigRecovered(Event, frozen=True):
    """The configuration could not be read and was replaced.

    Attributes:
        reason: What was wrong with it.
        source: The backup that was taken, `running service`, `last configuration` or `defaults`.
        kept_as: File name of the broken one, in the same folder.
    """

    reason: str
    source: str
    kept_as: str | None


class CaptureDeleted(Event, frozen=True, omit_defaults=True):
    """Pictures were deleted, on command or to make room.

    Attributes:
        filenames: Which.
        reason: `command`, `missing` if somebody else had deleted them, or `make_room`.
        overruled: Names of readers, such as an uploader, that had not done with them; absent where
            there is none.
    """

    filenames: tuple[str, ...]
    reason: str
    overruled: tuple[str, ...] = ()


class CapturesFound(Event, frozen=True):
    """Pictures that nobody had told of lay in the folder, and are in the index now.

    Somebody put them there, or the index was lost. They are as old as they are: none of them is a
    new picture.

    Attributes:
        count: How many.
        first: File name of the oldest.
        last: File name of the newest.
    """

    count: int
    first: str
    last: str


class CapturesFolderChanged(Event, frozen=True):
    """The folder of the pictures is not there, is another one, or was emptied at once.

    Nothing is taken for deleted. Where its disk is missing or is another one, no picture is stored
    until the old folder is back or `captures/accept` says that this one is meant.

    Attributes:
        reason: What is wrong with it and what to do, in a sentence.
        captures: Pictures in the index.
    """

    reason: str
    captures: int


class CapturesFolderSettled(Event, frozen=True):
    """The folder of the pictures is the known one again.

    Attributes:
        how: `back` where the old folder has returned, `accepted` where somebody said that the new
            one is meant: pictures that are not in it are told as missing then.
    """

    how: Literal["back", "accepted"]


class CaptureQuarantined(Event, frozen=True):
    """A file in the capture folder was no complete picture and was put aside.

    Attributes:
        filename: Its name before.
        moved_to: Where it is now.
        reason: What is wrong with it.
    """

    filename: str
    moved_to: str
    reason: str


class CameraLost(Event, frozen=True):
    """The camera has stopped answering.

    Attributes:
        message: Why, in a sentence.
        rung: How far recovery has climbed.
    """

    message: str
    rung: Rung


class CameraRecovered(Event, frozen=True):
    """The camera gives pictures again.

    Attributes:
        rung: What helped.
        after_s: How long it was gone.
    """

    rung: Rung
    after_s: float


class StorageLow(Event, frozen=True):
    """Little space is left above the reserve; says what will happen then.

    Attributes:
        free_bytes: Free now.
        reserve_bytes: What captures leave alone.
        policy: What a session does at the reserve.
    """

    free_bytes: int
    reserve_bytes: int
    policy: str


class StorageRecovered(Event, frozen=True):
    """There is space above the reserve again.

    Attributes:
        free_bytes: Free now.
    """

    free_bytes: int


class ClockStepped(Event, frozen=True):
    """The wall clock was set while the service ran.

    Attributes:
        step_s: By how much, forward if positive.
        synced: Whether a time server has set it.
    """

    step_s: float
    synced: bool


class ServiceStarted(Event, frozen=True):
    """The camera service has started.

    Attributes:
        version: Of the service.
        reason: `start`, or `after_crash` where the last run did not end cleanly.
    """

    version: str
    reason: str


class EventOmitted(Event, frozen=True):
    """Something happened whose event cannot be handed over; this stands in its place.

    Attributes:
        omitted: The type of the event.
        size_bytes: How long it was as JSON.
        reason: `too_long`, or `unreadable` if the disk returns it damaged.
    """

    omitted: str
    size_bytes: int
    reason: str


EVENT_TYPES: tuple[type[msgspec.Struct], ...] = (CaptureStored, *Event.__subclasses__())


def event_type(event: type[msgspec.Struct] | msgspec.Struct) -> str:
    """The name of an event's type, as in its topic: `capture_stored`."""
    tag = event.__struct_config__.tag
    if not isinstance(tag, str):
        message = f"{event!r} is no event"
        raise TypeError(message)
    return tag


class JournalEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One event with its place in the journal.

    Attributes:
        seq: Grows by one with every event of this device, for ever.
        boot: Run id of the service that recorded it.
        at: When it was recorded, RFC 3339.
        type: The event's type.
        data: The event as a JSON object, including its `type`.
    """

    seq: int
    boot: str
    at: str
    type: str
    data: msgspec.Raw
