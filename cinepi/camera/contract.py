"""What a camera backend must do; a backend is one folder in `backends/`, found by its name."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cinepi.clock import Clock
from cinepi.exposure.contract import Exposure
from cinepi.features import Feature
from cinepi.model.exposures import Achieved
from cinepi.model.settings import CameraSettings
from cinepi.paths import Layout
from cinepi.units import MonotonicTime, Seconds

Plane: TypeAlias = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Planes:
    """A picture as YUV 4:2:0, full range, as JPEG stores it.

    Attributes:
        y: Brightness, shape (height, width).
        u: Blue difference, shape (height / 2, width / 2).
        v: Red difference, the same shape.
    """

    y: Plane
    u: Plane
    v: Plane

    @property
    def width(self) -> int:
        """Pixels."""
        return int(self.y.shape[1])

    @property
    def height(self) -> int:
        """Pixels."""
        return int(self.y.shape[0])


@dataclass(frozen=True, slots=True)
class Frame:
    """One exposure. `release` must be called once, after which the planes are gone.

    Attributes:
        main: The picture, in the camera's own memory where possible: do not keep, do not change.
        preview: The same picture, at most 800 pixels wide; None if the camera makes no second one.
        began_at: When the exposure began, on the monotonic clock.
        achieved: What the camera says it did.
        release: Gives the memory back to the camera.
    """

    main: Planes
    preview: Planes | None
    began_at: MonotonicTime
    achieved: Achieved
    release: Callable[[], None] = field(default=lambda: None)


@dataclass(frozen=True, slots=True)
class Identity:
    """Which camera was opened.

    Attributes:
        model: As it calls itself, such as `imx477`.
        camera_id: Stable over restarts and replugging.
        features: The settings that it can follow, each with its own range; never wider than
            `features_of(CameraSettings)`. `resolution` has all sizes as its choices.
    """

    model: str
    camera_id: str
    features: tuple[Feature, ...]


class CameraBackend(ABC):
    """One camera. Only one thread calls it, and each call ends within the time said at it.

    Any method may raise `CameraUnavailableError` (gone, busy, broken) or `DeadlineError` (too
    slow); foreign exceptions never leave a backend. After such an error the owner climbs the
    ladder: `restart`, then `close` and `open`, then the end of the process.

    A backend is the class `Backend` in the file `backend.py` of its folder. It is made with
    `Backend(layout, clock)`, which touches no device. After a call that never returned, another
    thread calls `close`.

    Attributes:
        margin: How long a healthy camera may take for a picture beyond its exposure, in seconds.
    """

    margin: ClassVar[Seconds] = 5.0

    @abstractmethod
    def __init__(self, layout: Layout, clock: Clock) -> None:
        """Remember where things lie and what time it is."""

    @abstractmethod
    def open(self) -> Identity:
        """Find the camera and take it; at most 10 s. Frees what it took if it fails."""

    @abstractmethod
    def configure(self, settings: CameraSettings) -> None:
        """Make ready for pictures with `settings`, already within the range of `open`; 10 s.

        They hold from the next picture on. This may stop the stream, so a backend compares: where
        nothing has changed that it needs the stream stopped for, the call costs nothing. The
        settings of an exposure (`exposure_mode`, `shutter_us`, `iso`, `gain`) never need that,
        since `expose` brings them; keys that the camera cannot follow are ignored. It may be
        called again at any time.
        """

    @abstractmethod
    def expose(self, exposure: Exposure, limit: Seconds) -> Frame:
        """Begin an exposure now and wait for the frame, for at most `limit` seconds.

        The frame is the first one that began after the call and shows what was asked for. Where
        the camera does not obey within two seconds, it is the next one, and `achieved` says
        what it did. A frame that began before the call does not count.

        Args:
            exposure: Already within the range of `open`. What of it is None, the camera decides.
                It is asked for with each picture, and may change with each.
            limit: Includes the exposure time.
        """

    @abstractmethod
    def restart(self) -> None:
        """Cancel whatever is under way and start the stream afresh, same settings; 10 s."""

    @abstractmethod
    def rest(self) -> None:
        """Give back memory that only the next picture needs; 10 s. The next one may be slower."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the camera; 10 s. Harmless when closed already."""
