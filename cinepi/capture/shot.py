"""The shot: what one slot or snapshot asks for, and what it yields. Its files share one stem."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from cinepi.capture.store import StoredFile
from cinepi.clock import rfc3339
from cinepi.formats.contract import Buffer, Provenance, Said
from cinepi.model.documents import CaptureDocument, CaptureFacts, CaptureFile, CaptureKind
from cinepi.model.events import CaptureStored
from cinepi.model.exposures import Exposure, TakenExposure
from cinepi.units import MonotonicTime, WallTime


@dataclass(frozen=True, slots=True)
class Order:
    """One shot that is wanted.

    Attributes:
        kind: A session's frame, or a snapshot.
        due: When the exposure is to begin; None for at once.
        session: Id of the session.
        slot: Number of the slot in the session, from 0.
        session_name: What the user called the session.
        command: Digest of the command that asks for it.
        latest: Until when a picture may begin for which the camera had to be brought back; None
            for whenever that is.
        exposures: What each exposure asks of the camera, one after the other. Empty for one that
            the settings in force plan.
    """

    kind: CaptureKind
    due: MonotonicTime | None = None
    session: str | None = None
    slot: int | None = None
    session_name: str | None = None
    command: str | None = None
    latest: MonotonicTime | None = None
    exposures: tuple[Exposure, ...] = ()


@dataclass(frozen=True, slots=True)
class Shot:
    """All that an order has yielded, on its way to the disk.

    Attributes:
        wall: When its picture was exposed.
        picture: What its picture says of itself.
        files: The bytes of each file, in parts, by the ending of its name; the picture first.
        exposures: Those after the picture's own, in order.
        preview: The picture as a small JPEG; None where none could be made.
    """

    wall: WallTime
    picture: Said
    files: Mapping[str, Sequence[Buffer]]
    exposures: tuple[TakenExposure, ...]
    preview: bytes | None


def taken_exposure(provenance: Provenance) -> TakenExposure:
    """What one exposure asked for and achieved, by what its picture says."""
    return TakenExposure(**_fields(provenance, TakenExposure))


def document(
    files: Sequence[StoredFile],
    wall: WallTime,
    picture: Said,
    exposures: tuple[TakenExposure, ...],
) -> CaptureDocument:
    """What the index keeps of a shot, and the world is told.

    Args:
        files: On the disk; the picture first.
        wall: When the picture was exposed.
        picture: What it says of itself.
        exposures: Those after the picture's own, in order.
    """
    main, *companions = files
    return CaptureDocument(
        **_fields(picture.provenance, CaptureFacts),
        filename=main.name,
        path=str(main.path),
        size=main.size,
        sha256=main.sha256,
        taken_at=rfc3339(wall),
        width=picture.width,
        height=picture.height,
        files=tuple(
            CaptureFile(filename=file.name, size=file.size, sha256=file.sha256)
            for file in companions
        ),
        exposures=exposures,
    )


def _fields(whole: msgspec.Struct, part: type[msgspec.Struct]) -> dict[str, Any]:
    """What a struct has of one that it extends."""
    return {name: getattr(whole, name) for name in part.__struct_fields__}


def event(capture: CaptureDocument) -> CaptureStored:
    """What is told when a shot is complete on the disk."""
    return CaptureStored(**msgspec.structs.asdict(capture))
