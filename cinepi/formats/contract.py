"""What a format must do: make a file of a frame, know a whole one, read what it says of itself.

A format is one file, named for the suffix that it gives its files. In `pictures/` lie those that
the picture of a shot can have, in `companions/` those of what lies beside it. The class in the
file is called `Format` and is made without arguments.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from cinepi.camera.contract import Frame
from cinepi.model.documents import CaptureFacts, CaptureKind
from cinepi.model.settings import CaptureSettings
from cinepi.units import Bytes, WallTime

Buffer: TypeAlias = bytes | memoryview
Pixels: TypeAlias = NDArray[np.uint8]

HEAD: Bytes = 128 * 1024
"""What a file says of itself stands in its first bytes: EXIF has at most 64 KiB."""
ENDS: Bytes = 64
"""So many bytes at either end tell whether a file is whole."""


class Provenance(CaptureFacts, frozen=True, kw_only=True, omit_defaults=True):
    """Where a picture belongs, as its own file remembers it: a lost index can be rebuilt.

    Attributes:
        command: Digest of the command that asked for it: the command finds its picture again when
            the power went between the two.
    """

    kind: CaptureKind = "snapshot"  # which the files of older versions leave out
    command: str | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a file is to say of itself, beside its pixels.

    Attributes:
        wall: When the exposure began.
        model: The camera, as it calls itself.
        provenance: Where the picture belongs, and what the camera did.
        session_name: What the user called the session.
    """

    wall: WallTime
    model: str
    provenance: Provenance
    session_name: str | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """What a file says of itself.

    Attributes:
        width: Pixels.
        height: Pixels.
        wall: When the exposure began; None where it does not say.
        provenance: Where the picture belongs; defaults where it does not say.
    """

    width: int
    height: int
    wall: WallTime | None
    provenance: Provenance


class FileFormat(ABC):
    """One format of files. All methods may be called by any thread."""

    @abstractmethod
    def encode(
        self, frame: Frame, facts: Facts, settings: CaptureSettings
    ) -> Sequence[Buffer] | None:
        """Make the file of a frame; the parts, one after the other, are its bytes.

        Blocks for the encoding alone. A companion may raise whatever it likes: that costs its own
        file and never the picture.

        Returns:
            None where this frame or these settings want no such file.

        Raises:
            CameraUnavailableError: The frame cannot be encoded, so it is damaged.
            InternalError: The encoder has made a damaged file.
        """

    @abstractmethod
    def is_whole(self, head: bytes, tail: bytes) -> bool:
        """Whether a file is complete, by its first and last `ENDS` bytes; a short one has fewer."""

    @abstractmethod
    def read(self, head: bytes) -> Said:
        """What a file says of itself, from its first `HEAD` bytes or from all of it.

        Raises:
            InternalError: It is damaged.
        """


class PictureFormat(FileFormat):
    """A format that the picture of a shot can have: people look at it, so it can be shown small."""

    @abstractmethod
    def encode(self, frame: Frame, facts: Facts, settings: CaptureSettings) -> Sequence[Buffer]:
        """See `FileFormat.encode`; there is always a picture."""

    @abstractmethod
    def shrunk(self, content: Buffer, least_width: int) -> Pixels:
        """The picture as RGB, at least `least_width` pixels wide where it is so wide itself.

        Raises:
            InternalError: It cannot be decoded.
        """
