"""What each method of the camera service takes and gives; see `cinepi.envelope` for the frame."""

from typing import Annotated, Literal

import msgspec

from cinepi.features import setting
from cinepi.model.documents import (
    BackupFile,
    CameraDocument,
    CaptureDocument,
    CaptureEntry,
    CaptureKind,
    ConfigDocument,
    SessionDocument,
    StorageDocument,
)
from cinepi.model.events import JournalEntry
from cinepi.model.settings import LogLevel
from cinepi.units import Bytes

CHUNK: Bytes = 256 * 1024
"""Bytes of a picture in one answer of `captures.read`, before base64."""
MAX_NAMES = 500
"""Names of one kind in one answer: 16 KB, which may be kept with the command."""


SessionId = Annotated[
    str,
    setting(
        "Session",
        "Only of this session.",
        pattern="^[0-9]{8}_[0-9]{6}_[0-9a-f]{4}$",
        example="20261123_093000_a1b2",
    ),
]


class Params(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Arguments of one method."""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """Answer of one method; unknown keys are ignored, so that either side can be newer."""


class NoParams(Params, frozen=True):
    """No arguments."""


class StartParams(Params, frozen=True):
    """Arguments of `session.start`."""

    interval: (
        Annotated[
            float,
            setting("Interval", "Seconds from frame to frame.", minimum=1, maximum=3600, unit="s"),
        ]
        | None
    ) = None
    count: (
        Annotated[
            int,
            setting("Count", "End after this many frames.", minimum=1, maximum=100_000_000),
        ]
        | None
    ) = None
    duration_s: (
        Annotated[
            float,
            setting("Duration", "End after this long.", minimum=1, maximum=3.2e8, unit="s"),
        ]
        | None
    ) = None
    until: Annotated[str, setting("Until", "End at this time, RFC 3339.")] | None = None
    start_at: Annotated[str, setting("Start at", "First frame at this time, RFC 3339.")] | None = (
        None
    )
    name: (
        Annotated[
            str,
            setting(
                "Name", "What to call it, up to 64 characters.", pattern=r"^[^\x00-\x1f\x7f]{1,64}$"
            ),
        ]
        | None
    ) = None


class CameraSetParams(Params, frozen=True):
    """Arguments of `camera.set`: any settings of the camera, and `quality`."""

    settings: dict[str, bool | int | float | str]


class TakeParams(Params, frozen=True):
    """Arguments of `snapshot.take`."""

    at: Annotated[str, setting("At", "Expose at this time, up to 60 s ahead, RFC 3339.")] | None = (
        None
    )


class CapturesListParams(Params, frozen=True):
    """Arguments of `captures.list`; all filters narrow."""

    limit: Annotated[int, setting("Limit", "How many.", minimum=1, maximum=500)] = 50
    before: Annotated[str, setting("Before", "Only older than this file name.")] | None = None
    session: SessionId | None = None
    kind: Annotated[CaptureKind, setting("Kind", "Only frames, or only snapshots.")] | None = None
    since: Annotated[str, setting("Since", "Only from this time on, RFC 3339.")] | None = None
    until: Annotated[str, setting("Until", "Only before this time, RFC 3339.")] | None = None


class CapturesListResult(Result, frozen=True):
    """Captures, newest first; `next` is the `before` of the next page, None on the last."""

    captures: tuple[CaptureEntry, ...]
    next: str | None


class CaptureGetParams(Params, frozen=True):
    """Arguments of `captures.get`.

    Attributes:
        filename: Of the picture or of any other file of its shot, without a folder.
    """

    filename: str


class CaptureReadParams(Params, frozen=True):
    """Arguments of `captures.read`: a part of any file of a shot, or of its preview."""

    filename: str
    preview: bool = False
    offset: Annotated[int, setting("Offset", "First byte.", minimum=0)] = 0


class CaptureReadResult(Result, frozen=True):
    """Up to `CHUNK` bytes from the offset on; `total` is the size of the whole."""

    data: bytes
    total: int


class CapturesDeleteParams(Params, frozen=True):
    """Arguments of `captures.delete`: one name, several, or a filter; never all by accident.

    Attributes:
        filename: One picture; all files of its shot go with it.
        filenames: Several pictures.
        session: All of this session.
        kind: All of this kind.
        since: All from this time on, RFC 3339.
        until: All before this time, RFC 3339.
        dry_run: Whether to say only what would be deleted.
    """

    filename: str | None = None
    filenames: tuple[str, ...] | None = None
    session: SessionId | None = None
    kind: CaptureKind | None = None
    since: str | None = None
    until: str | None = None
    dry_run: bool = False


class CapturesDeleteResult(Result, frozen=True):
    """What went, or would go: `count` shots with all their files; of many the first are named."""

    count: int
    bytes: int
    filenames: tuple[str, ...]
    dry_run: bool


class VerifyParams(Params, frozen=True):
    """Arguments of `captures.verify`.

    Attributes:
        digest: Whether to read all of every picture, and compare it with what was written.
    """

    digest: bool = False


class VerifyResult(Result, frozen=True):
    """What a check of every picture found: how many of each kind, and the names of the first.

    Attributes:
        checked: Pictures in the folder.
        damaged: Names of the first `MAX_NAMES` that are not whole, or not what was written.
        missing: The same of those that the index knew and the folder has not. They are taken out
            of the index now, with the event `capture_deleted`.
        unknown: The same of those that the index does not know; the next start takes them up.
        damaged_count: How many are damaged.
        missing_count: How many are missing.
        unknown_count: How many are unknown.
    """

    checked: int
    damaged: tuple[str, ...]
    missing: tuple[str, ...]
    unknown: tuple[str, ...]
    damaged_count: int
    missing_count: int
    unknown_count: int


class AcceptResult(Result, frozen=True):
    """Answer of `captures.accept`.

    Attributes:
        captures: Pictures in the index. Those that the folder has not are told as missing next.
    """

    captures: int


class ConfigPatchParams(Params, frozen=True):
    """Arguments of `config.patch`.

    Attributes:
        patch: Values to change, by section (RFC 7396); null returns one to its default.
        base_revision: Do it only if the configuration still has this revision.
        dry_run: Whether to say only what would change.
    """

    patch: dict[str, object]
    base_revision: int | None = None
    dry_run: bool = False


class ConfigReplaceParams(Params, frozen=True):
    """Arguments of `config.replace`.

    Attributes:
        config: The whole configuration; what it leaves out gets its default.
        base_revision: Do it only if the configuration still has this revision.
        dry_run: Whether to say only what would change.
    """

    config: dict[str, object]
    base_revision: int | None = None
    dry_run: bool = False


class ConfigValidateParams(Params, frozen=True):
    """Arguments of `config.validate`.

    Attributes:
        config: What to check; without it, the file on the device.
    """

    config: dict[str, object] | None = None


class ConfigChangeResult(Result, frozen=True):
    """What a change did, or would do.

    Attributes:
        revision: After the change.
        changed: Paths of changed values.
        pending_restart: Paths that wait for the next start.
        backup_file: The copy of what was before.
        kept_comments: Whether comments and order of the file survived.
        dry_run: True when nothing was changed.
    """

    revision: int
    changed: tuple[str, ...] = ()
    pending_restart: tuple[str, ...] = ()
    backup_file: str | None = None
    kept_comments: bool = True
    dry_run: bool = False


class BackupResult(Result, frozen=True):
    """Answer of `config.backup`."""

    backup_file: str


class BackupsResult(Result, frozen=True):
    """Answer of `config.backups`, newest first."""

    backups: tuple[BackupFile, ...]


class RestoreParams(Params, frozen=True):
    """Arguments of `config.restore`.

    Attributes:
        file: Name of the backup, without a folder.
    """

    file: str


class EventsReadParams(Params, frozen=True):
    """Arguments of `events.read`."""

    after: Annotated[int, setting("After", "Only later than this seq.", minimum=0)] = 0
    limit: Annotated[int, setting("Limit", "How many.", minimum=1, maximum=500)] = 100


class EventsFollowParams(EventsReadParams, frozen=True):
    """Arguments of `events.read` from somebody who reads all events in order, again and again.

    Attributes:
        reader: Its name, under which the journal knows it from then on; None for nobody.
        done: Of the newest event that it has done with, and all before.
    """

    reader: Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9-]{0,31}$")] | None = None
    done: Annotated[int, msgspec.Meta(ge=0)] = 0


class EventsReadResult(Result, frozen=True):
    """Events in order.

    Attributes:
        events: Up to `limit`, each later than `after`.
        lost: How many events after `after` the journal has dropped already.
        last: The newest sequence number there is.
    """

    events: tuple[JournalEntry, ...]
    lost: int
    last: int


class WatchResult(Result, frozen=True):
    """All of the present state; changes follow as notifications.

    Attributes:
        last_seq: Of the newest event.
        journal: Which journal counts so; another one counts anew. Empty if that is unknown.
    """

    session: SessionDocument
    camera: CameraDocument
    config: ConfigDocument
    storage: StorageDocument
    capture: CaptureDocument | None
    last_seq: int
    journal: str = ""


class PingResult(Result, frozen=True):
    """Who answers."""

    version: str
    boot: str
    pid: int


class Check(Result, frozen=True):
    """One health check.

    Attributes:
        state: How it is.
        reason: Why, with what to do about it; empty where all is well.
    """

    state: Literal["ok", "degraded", "failing", "unknown"]
    reason: str = ""


class HealthResult(Result, frozen=True):
    """Answer of `health.get`: how the camera side is.

    Attributes:
        cinepi_modules: The camera.
        file_system: The folders, and the disk under the captures.
        configuration: The file and its backups.
        file_operation_ms: Time to see whether pictures can be written; see `FolderProbe`.
        rss_bytes: Memory of the service.
    """

    cinepi_modules: Check
    file_system: Check
    configuration: Check
    file_operation_ms: float | None
    rss_bytes: int


class LogsRecentParams(Params, frozen=True):
    """Arguments of `logs.recent`; all filters narrow."""

    limit: Annotated[int, setting("Limit", "How many.", minimum=1, maximum=500)] = 50
    level: Annotated[LogLevel, setting("Level", "The least serious level.")] | None = None
    module: (
        Annotated[
            str, setting("Module", "Only of this module.", pattern=r"^[^\x00-\x1f\x7f]{1,100}$")
        ]
        | None
    ) = None
    since: Annotated[str, setting("Since", "Only from this time on, RFC 3339.")] | None = None
