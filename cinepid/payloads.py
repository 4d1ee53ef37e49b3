"""Every MQTT payload of the daemon, as a frozen type; documents of the camera are in cinepi.model.

What a viewer shows carries its words, unit and place (`reading`), and Home Assistant's entities are
made from those.
"""

from typing import Annotated, Literal

import msgspec

from cinepi.errors import CinepiError
from cinepi.features import Feature, reading

CONTRACT = "1.0"
"""Version of the MQTT contract; what changes within version 1 is only added."""


class Payload(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent; receivers ignore keys that they do not know."""


class Stamp(Payload, frozen=True):
    """What every retained document begins with, so that readers can keep the newest.

    Attributes:
        at: When its content was last seen to change, RFC 3339.
        boot: Run id of the daemon.
        seq: Grows with every change of any document of this device, over restarts too.
    """

    at: str
    boot: str
    seq: int


class StatusDocument(Stamp, frozen=True):
    """`status`: whether the device is there; also the will, whose seq follows that of `online`.

    Attributes:
        state: `online` is said once commands are heard and all retained state is up to date.
        reason: `start`, `reconnect`, `shutdown`, `connection_lost`.
        since: When this run of the daemon began, RFC 3339.
        version: Of the daemon.
        clock_synced: Whether its times can be trusted.
    """

    state: Literal["online", "offline"]
    reason: str
    boot: str
    since: Annotated[
        str,
        reading("Last start", "When this run of the daemon began.", quantity="timestamp"),
    ]
    version: Annotated[
        str,
        reading("Software version", "Of the daemon.", icon="mdi:package-variant"),
    ]
    clock_synced: bool


class CameraInfo(Payload, frozen=True):
    """A camera of the device.

    Attributes:
        model: As it calls itself.
        camera_id: Stable id.
        backend: Which camera code is in use.
        settings: What of it can be set, each with its range.
    """

    model: str
    camera_id: str
    backend: str
    settings: tuple[Feature, ...]


class InfoDocument(Payload, frozen=True):
    """`info`: what the device is and what it offers.

    Attributes:
        device: Its id.
        name: What people call it.
        area: Where it stands; empty if nobody has said.
        model: The board, or the machine.
        serial: Of the board; empty where it has none.
        version: Of the software.
        python: Version.
        os: Name and version of the operating system.
        contract: Version of the MQTT contract.
        protocol: MQTT version of this connection.
        groups: Whose commands it also follows.
        tags: For the `match` of a broadcast.
        commands: All that it understands.
        broadcast_commands: Those that it also takes from `_all` and groups.
        max_command_bytes: Longest command.
        cameras: What is connected; the last one known where nothing is.
    """

    device: str
    name: str
    area: str
    model: str
    serial: str
    version: str
    python: str
    os: str
    contract: str
    protocol: str
    groups: tuple[str, ...]
    tags: tuple[str, ...]
    commands: tuple[str, ...]
    broadcast_commands: tuple[str, ...]
    max_command_bytes: int
    cameras: tuple[CameraInfo, ...] = ()


class SchemaDocument(Payload, frozen=True):
    """`config/schema`: what a configuration may hold."""

    schema: dict[str, object]


class EventMessage(Payload, frozen=True):
    """`event/<type>`: the envelope of one event of the journal; the event's own keys follow it.

    Attributes:
        seq: Place in the journal.
        boot: Run id of the camera service that recorded it.
        at: When it was recorded, RFC 3339.
        event_type: The event's type, under the name that Home Assistant's event entity reads.
        replay: True for what happened while nobody could be told, or was asked for again.
    """

    seq: int
    boot: str
    at: str
    event_type: str
    replay: bool


class Gap(Payload, frozen=True, tag_field="type", tag="gap"):
    """`event/gap`: events that the journal had to drop before they could be delivered.

    Attributes:
        from_seq: First one missing.
        to_seq: Last one missing.
        count: How many.
    """

    from_seq: int
    to_seq: int
    count: int


class LogMessage(Payload, frozen=True):
    """`log/<level>`: one log message.

    Attributes:
        at: When, RFC 3339.
        level: How serious it is.
        module: Which part of the daemon.
        message: What, in words.
        fields: The particulars, by name.
        suppressed: How many were left out before it, because they came too fast.
    """

    at: str
    level: str
    module: str
    message: str
    fields: dict[str, object]
    suppressed: int = 0


class AnswerError(Payload, frozen=True):
    """Why a command failed.

    Attributes:
        code: Stable, for programs.
        message: For people.
        field: JSON pointer to the first wrong argument.
        retryable: Whether the same command may succeed later.
        problems: All that is wrong with the arguments, as pairs of pointer and sentence.
    """

    code: str
    message: str
    field: str | None = None
    retryable: bool = False
    problems: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, error: CinepiError) -> "AnswerError":
        """Spell an error."""
        return cls(
            code=error.code,
            message=str(error),
            field=error.field,
            retryable=error.retryable,
            problems=tuple((problem.field, problem.message) for problem in error.problems),
        )


class Answer(Payload, frozen=True, omit_defaults=True):
    """`response/<group>/<verb>`: the answer to a command.

    Attributes:
        id: Of the command, or the one that it was given.
        command: Such as `session/start`.
        success: Whether it did what was asked for; absent in a first answer.
        final: False says only that the work has begun; exactly one answer is final.
        message: For people.
        data: What was asked for.
        error: Why it failed.
        replayed: True for the stored answer to a repeated command.
        warnings: What the sender should know all the same.
    """

    id: str
    command: str
    final: bool
    success: bool | None = None
    message: str = ""
    data: msgspec.Raw | None = None
    error: AnswerError | None = None
    replayed: bool = False
    warnings: tuple[str, ...] = ()


class ReplyTo(Payload, frozen=True, omit_defaults=True):
    """How to deliver an answer after a restart: what the journal keeps with a command.

    Attributes:
        command: Such as `session/start`.
        topic: MQTT 5 response topic.
        correlation: MQTT 5 correlation data.
    """

    command: str
    topic: str | None = None
    correlation: bytes | None = None


def stamped(stamp: Stamp, document: bytes) -> bytes:
    """Put a stamp in front of the keys of a document, both as JSON objects."""
    return _joined(msgspec.json.encode(stamp), document)


def event_payload(envelope: EventMessage, event: bytes) -> bytes:
    """Put the envelope in front of the event's own keys, both as JSON objects."""
    return _joined(msgspec.json.encode(envelope), event)


def _joined(first: bytes, second: bytes) -> bytes:
    return first[:-1] + b"," + second[1:] if len(second) > len(b"{}") else first
