"""Documents: what the camera service says about its present state, and about one picture."""

from typing import Annotated, Literal

import msgspec

from cinepi.features import Feature, reading
from cinepi.model.exposures import Achieved, TakenExposure
from cinepi.model.settings import CameraSettings

SessionState = Literal["idle", "waiting", "active", "paused"]
EndReason = Literal["stopped", "count", "duration", "until", "storage_full"]
PauseReason = Literal["command", "storage_full"]
MissReason = Literal["late", "camera", "storage", "service_down", "power_off", "snapshot"]
CaptureKind = Literal["frame", "snapshot"]
CameraHealth = Literal["ok", "recovering", "lost", "stuck"]
StorageState = Literal["ok", "low", "full", "failing"]
Rung = Literal["none", "restart_stream", "reopen", "restart_process", "reboot"]


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """What is said about the present state; unknown keys from a newer side are ignored."""


class Lateness(Document, frozen=True):
    """How late frames began, against their slots.

    Attributes:
        p50_ms: Half of the last 512 frames were at most this late.
        p95_ms: The same for 95 in 100.
        max_ms: The worst frame of the whole session.
    """

    p50_ms: float = 0.0
    p95_ms: Annotated[
        float,
        reading(
            "Frame lateness",
            "95 in 100 frames began at most this late.",
            unit="ms",
            quantity="duration",
            precision=1,
            icon="mdi:timer-alert-outline",
        ),
    ] = 0.0
    max_ms: float = 0.0


class Ends(Document, frozen=True):
    """When a session ends by itself; nothing set means never.

    Attributes:
        count: After this many frames taken.
        duration_s: This many seconds after its first slot.
        until: At this time, RFC 3339.
    """

    count: int | None = None
    duration_s: float | None = None
    until: str | None = None


class SessionDocument(Document, frozen=True):
    """The running session, or the last one where state is `idle`; all None before the first.

    Attributes:
        id: Unique for ever: `YYYYMMDD_HHMMSS_xxxx`.
        name: What the user called it.
        interval: Seconds from slot to slot.
        frames: Pictures taken in this session.
        missed: Slots that passed without one.
        missed_by: The same, by reason.
        started_at: When its first slot was due, RFC 3339.
        next_at: When the next slot is due, RFC 3339; None unless active or waiting.
        last_frame_at: When its newest picture was taken.
        lateness: How late its frames were.
        ends: When it ends by itself.
        pause_reason: Why it is paused.
        end_reason: Why it ended.
        ended_at: When it ended.
        scheduling: The scheduling class that the shutter thread got: `fifo` or `other`.
    """

    state: Annotated[
        SessionState,
        reading("Session state", "What it does now.", place="main", icon="mdi:progress-clock"),
    ] = "idle"
    id: str | None = None
    name: str | None = None
    interval: float | None = None
    frames: Annotated[
        int,
        reading(
            "Frames captured",
            "Pictures taken in this session.",
            counts_up=True,
            place="main",
            icon="mdi:image-multiple",
        ),
    ] = 0
    missed: Annotated[
        int,
        reading(
            "Frames missed",
            "Slots of this session without a picture.",
            counts_up=True,
            icon="mdi:image-broken-variant",
        ),
    ] = 0
    missed_by: dict[MissReason, int] = {}
    started_at: str | None = None
    next_at: Annotated[
        str | None,
        reading(
            "Next capture",
            "When the next slot is due.",
            quantity="timestamp",
            place="main",
            icon="mdi:clock-fast",
        ),
    ] = None
    last_frame_at: str | None = None
    lateness: Lateness = Lateness()
    ends: Ends = Ends()
    pause_reason: PauseReason | None = None
    end_reason: EndReason | None = None
    ended_at: str | None = None
    scheduling: Literal["fifo", "other"] = "other"


class Recovery(Document, frozen=True):
    """How far the ladder of recovery has climbed, and how often.

    Attributes:
        rung: The rung in use; `none` while all is well.
        restarts: Streams restarted since the service started.
        reopens: Cameras reopened since the service started.
        exits: Processes given up because of the camera, since the journal began.
    """

    rung: Rung = "none"
    restarts: int = 0
    reopens: int = 0
    exits: int = 0


class CameraState(Document, frozen=True):
    """The camera, as it is now.

    Attributes:
        backend: Which camera code is in use.
        model: The sensor or camera, as it calls itself.
        camera_id: Stable id of the camera, as libcamera names it.
        health: `lost` is unplugged or never found; `stuck` is tried ever more rarely, and may
            need a reboot.
        problem: What is wrong, in a sentence with what to do about it; None if nothing.
        settings: The settings in force.
        dropped: Keys of settings that this camera cannot follow.
        adjusted: Keys of settings that were moved into this camera's range.
        achieved: What it did for the last picture.
        recovery: The ladder.
        last_success_at: When it last gave a picture, RFC 3339.
    """

    connected: Annotated[
        bool, reading("Camera", "Whether the camera answers.", quantity="connectivity")
    ] = False
    backend: str = ""
    model: str = ""
    camera_id: str = ""
    health: CameraHealth = "lost"
    problem: str | None = None
    settings: CameraSettings = CameraSettings()
    dropped: tuple[str, ...] = ()
    adjusted: tuple[str, ...] = ()
    achieved: Achieved = Achieved()
    recovery: Recovery = Recovery()
    last_success_at: str | None = None


class CameraDocument(CameraState, frozen=True):
    """The camera, as it is now, and what of it can be set.

    Attributes:
        features: This camera's settings with its own ranges.
    """

    features: tuple[Feature, ...] = ()


class CaptureFile(Document, frozen=True, kw_only=True):
    """One file beside the picture of a shot.

    Attributes:
        filename: The stem of the shot and what kind of file it is, such as `….dng`.
        size: Bytes of the file.
        sha256: Of the whole file, in hexadecimal; empty where it is for the picture.
    """

    filename: str
    size: int
    sha256: str


class CaptureFacts(TakenExposure, frozen=True, kw_only=True):
    """What is known of a picture beside its file: kept in the file itself, in the index, and told.

    A new fact is a field here, or in `TakenExposure`, and the place that knows its value.

    Attributes:
        kind: A session's frame, or a snapshot.
        session: Id of the session; None for a snapshot.
        frame: Number of the slot in the session, from 0; None for a snapshot.
        late_ms: How long after its slot or its `at` the exposure began; None without one.
        quality: JPEG quality.
        clock_synced: Whether `taken_at` can be trusted.
        clock_error_ms: How far the clock was off at most, by the kernel's account; None if unknown.
    """

    kind: CaptureKind
    session: str | None = None
    frame: int | None = None
    late_ms: float | None = None
    quality: int = 95
    clock_synced: bool = True
    clock_error_ms: float | None = None


class CaptureDocument(CaptureFacts, frozen=True, kw_only=True):
    """One shot on disk: its picture, and what lies beside it.

    The shot's name is the stem of its file names. What stands at the top is the picture's own; the
    lists hold what lies beside it. So all files of a shot are the picture and `files`, and all
    exposures are the picture's and `exposures`.

    Attributes:
        filename: `cinepi_YYYYMMDD_HHMMSS.jpg`, or `…_NN.jpg` for later ones of the same second.
        path: Absolute, on the device.
        size: Bytes of the picture.
        sha256: Of the whole picture, in hexadecimal; empty for one that was indexed again from
            the folder together with very many others.
        taken_at: When the exposure began, RFC 3339.
        width: Pixels.
        height: Pixels.
        files: What lies beside the picture, such as a raw file; empty where it is alone.
        exposures: Those after the picture's own, in order; empty where it is the only one.
    """

    filename: str
    path: str
    size: int
    sha256: str
    taken_at: Annotated[
        str,
        reading(
            "Last capture",
            "When the newest picture was taken.",
            quantity="timestamp",
            place="main",
            icon="mdi:clock-check-outline",
        ),
    ]
    width: int
    height: int
    files: tuple[CaptureFile, ...] = ()
    exposures: tuple[TakenExposure, ...] = ()

    def file(self, filename: str) -> CaptureFile | None:
        """The file of the shot that is called so; None if there is none."""
        own = CaptureFile(filename=self.filename, size=self.size, sha256=self.sha256)
        return next((file for file in (own, *self.files) if file.filename == filename), None)

    @property
    def filenames(self) -> tuple[str, ...]:
        """Names of all files of the shot, the picture first."""
        return (self.filename, *(file.filename for file in self.files))

    @property
    def total_size(self) -> int:
        """Bytes of all files of the shot."""
        return self.size + sum(file.size for file in self.files)


class CaptureEntry(CaptureDocument, frozen=True, kw_only=True):
    """One line of a list of pictures.

    Attributes:
        timestamp: The same as `taken_at`, under the name that the old dashboard had for it.
    """

    timestamp: str


class ConfigDocument(Document, frozen=True):
    """The configuration in force.

    Attributes:
        revision: Grows by one with every change.
        effective: All values in force, without secrets.
        pending_restart: Paths of values that wait for the next start, such as `/camera/backend`.
    """

    revision: int
    effective: dict[str, dict[str, object]]
    pending_restart: tuple[str, ...] = ()


class BackupFile(Document, frozen=True):
    """One copy of the configuration.

    Attributes:
        filename: `cinepi_backup_YYYYMMDD_HHMMSS.yaml`, or `…_NN.yaml` for later ones of a second.
        created_at: When it was made, RFC 3339.
        size: Bytes.
        is_valid: Whether it can be restored.
    """

    filename: str
    created_at: str
    size: int
    is_valid: bool


class StorageDocument(Document, frozen=True):
    """The disk under the captures.

    Attributes:
        free_bytes: Free for the service; what was seen last where the disk fails, 0 before.
        total_bytes: Size of the file system, likewise.
        reserve_bytes: What captures leave alone.
        captures: Pictures known to the index.
        captures_bytes: Their size in all.
        days_left: Until the reserve is reached at the running session's rate; None without one.
        state: `low` when fewer than 50 typical pictures fit above the reserve; `failing` when the
            folder is not there, is another one, or its disk fails.
        problem: What is wrong with disk or folder, in a sentence with what to do; None if nothing.
    """

    free_bytes: Annotated[
        int, reading("Disk free", "Free space under the captures.", unit="B", quantity="data_size")
    ] = 0
    total_bytes: int = 0
    reserve_bytes: int = 0
    captures: int = 0
    captures_bytes: int = 0
    days_left: Annotated[
        float | None,
        reading("Disk days left", "Until the disk is full at the present rate.", unit="d"),
    ] = None
    state: StorageState = "ok"
    problem: str | None = None
