"""A camera made of numbers: for a first try without a Pi, for demonstrations and for tests.

It behaves like the 12-megapixel High Quality Camera (IMX477): same sizes, same range of gain, no
moving lens. It answers to its settings, takes as long as its exposure, and fails on demand: see
`cinepi.camera.backends.simulated.faults`.
"""

import math
import threading
import time
from dataclasses import replace
from datetime import datetime
from typing import ClassVar

from cinepi.camera.backends.simulated.faults import FAULTS, Fault, Faults
from cinepi.camera.backends.simulated.scene import Colour, Look, Scene
from cinepi.camera.contract import CameraBackend, Frame, Identity, Planes
from cinepi.clock import Clock
from cinepi.errors import CameraUnavailableError, DeadlineError
from cinepi.exposure.contract import Exposure
from cinepi.features import Feature, features_of
from cinepi.model.exposures import Achieved
from cinepi.model.settings import CameraSettings, NoiseReduction, WhiteBalance
from cinepi.paths import Layout
from cinepi.units import MonotonicTime, Seconds

RESOLUTIONS = (
    "4056x3040",
    "2028x1520",
    "2028x1080",
    "1920x1080",
    "1332x990",
    "1280x720",
    "640x480",
)

_MODEL = "simulated-imx477"
_WELL_EXPOSED = 10_000.0  # µs at ISO 100
_SHORTEST_US = 114  # IMX477, as picamera2 lists it
_LONGEST_AUTO_US = 66_666
_MOST_ANALOGUE = 22.26  # IMX477
_PREVIEW_WIDTH = 800
_AT_WORK = tuple(name for name in FAULTS if name != "busy")  # which shows when it is opened
# What shows in its pictures; every other setting is one that this camera does not have.
_SHOWS = {
    "exposure_mode",
    "shutter_us",
    "iso",
    "gain",
    "ev",
    "white_balance",
    "resolution",
    "rotation",
    "brightness",
    "contrast",
    "saturation",
    "noise_reduction",
}
_WHITE: dict[WhiteBalance, Colour] = {
    "auto": (1.0, 1.0, 1.0),
    "daylight": (1.0, 1.0, 1.0),
    "cloudy": (1.08, 1.0, 0.86),
    "indoor": (0.86, 1.0, 1.2),
    "fluorescent": (0.9, 1.0, 1.15),
    "tungsten": (0.72, 1.0, 1.45),
    "incandescent": (0.68, 1.0, 1.55),
}
_GRAIN: dict[NoiseReduction, float] = {"off": 2.4, "fast": 1.9, "high_quality": 1.5}


class Backend(CameraBackend):
    """See `CameraBackend`."""

    margin: ClassVar[Seconds] = 2.0

    def __init__(self, layout: Layout, clock: Clock) -> None:
        """Follow the faults of `layout`."""
        self._faults = Faults(layout.faults)
        self._clock = clock
        self._settings = CameraSettings()
        self._number = 0
        self._scenes: tuple[Scene, Scene] | None = None
        self._is_lent = False

    def open(self) -> Identity:
        """See `CameraBackend.open`; fails while the fault is `unplug` or `busy`."""
        fault = self._faults.use("unplug", "busy")
        if fault and fault.fault == "busy":
            message = (
                "the simulated camera is in use by another process: rpicam-vid (pid 4242); "
                "end that process, or wait for it"
            )
            raise CameraUnavailableError(message)
        if fault:
            raise _unplugged()
        return Identity(model=_MODEL, camera_id="/simulated/imx477@1a", features=_features())

    def configure(self, settings: CameraSettings) -> None:
        """See `CameraBackend.configure`."""
        self._settings = settings

    def expose(self, exposure: Exposure, limit: Seconds) -> Frame:
        """See `CameraBackend.expose`; takes as long as the exposure, and at least the drawing."""
        began = self._clock.monotonic()
        fault = self._faults.use(*_AT_WORK)
        achieved = _achieved(self._settings, exposure)
        seconds = (achieved.exposure_us or 0) / 1e6
        if fault:
            seconds += _misbehave(fault, limit)
        if seconds > limit:
            time.sleep(limit)
            raise _too_slow(limit)
        main, preview = self._draw(_look(self._settings, achieved))
        time.sleep(max(0.0, began + seconds - self._clock.monotonic()))
        frame = Frame(
            main=main,
            preview=preview,
            began_at=began,
            achieved=achieved,
            release=self._take_back,
        )
        return _spoilt(frame, fault) if fault else frame

    def restart(self) -> None:
        """See `CameraBackend.restart`; nothing is ever under way."""

    def rest(self) -> None:
        """See `CameraBackend.rest`."""
        self._scenes = None

    def close(self) -> None:
        """See `CameraBackend.close`."""
        self.rest()

    def _draw(self, look: Look) -> tuple[Planes, Planes]:
        # A lent picture belongs to its borrower, and another look is painted from scratch.
        if self._is_lent or (self._scenes and self._scenes[0].look != look):
            self._scenes = None
        if self._scenes is None:
            self._scenes = Scene(look), Scene(_small(look))
        self._is_lent = True
        self._number += 1
        local = datetime.fromtimestamp(self._clock.wall()).astimezone()
        text = f"{local:%Y-%m-%d %H:%M:%S} #{self._number:06}"
        main, preview = (scene.draw(self._number, text) for scene in self._scenes)
        return main, preview

    def _take_back(self) -> None:
        self._is_lent = False


def _features() -> tuple[Feature, ...]:
    known = {feature.key: feature for feature in features_of(CameraSettings)}
    known["resolution"] = known["resolution"].narrowed(choices=RESOLUTIONS)
    known["shutter_us"] = known["shutter_us"].narrowed(minimum=_SHORTEST_US)
    return tuple(feature for key, feature in known.items() if key in _SHOWS)


def _achieved(settings: CameraSettings, exposure: Exposure) -> Achieved:
    """What an IMX477 would do: gain in the sensor first, the rest of it after the sensor."""
    wanted = _WELL_EXPOSED * 2**settings.ev
    shutter: float | None = exposure.shutter_us
    if shutter is None:
        shutter = min(max(wanted / (exposure.gain or 1.0), _SHORTEST_US), _LONGEST_AUTO_US)
    total = max(1.0, wanted / shutter) if exposure.gain is None else exposure.gain
    analogue = min(total, _MOST_ANALOGUE)
    return Achieved(
        exposure_us=round(shutter),
        iso=round(total * 100),
        analogue_gain=round(analogue, 3),
        digital_gain=round(total / analogue, 3),
        colour_temperature_k=5500,
        lux=8000.0,
        sensor_temperature_c=41.0,
    )


def _look(settings: CameraSettings, achieved: Achieved) -> Look:
    width, height = (int(number) for number in settings.resolution.split("x"))
    light = (achieved.exposure_us or 0) / _WELL_EXPOSED * (achieved.iso or 100) / 100
    grain = _GRAIN[settings.noise_reduction] * (1 + math.log2((achieved.iso or 100) / 100) / 4)
    return Look(
        width=width,
        height=height,
        exposure=light,
        white=_WHITE[settings.white_balance],
        brightness=settings.brightness,
        contrast=settings.contrast,
        saturation=settings.saturation,
        grain=round(max(0.5, grain), 2),
        is_upside_down=settings.rotation == 180,  # noqa: PLR2004 - degrees
    )


def _small(look: Look) -> Look:
    """The same look at no more than the width of a preview."""
    shrink = max(1.0, look.width / _PREVIEW_WIDTH)
    width, height = (2 * round(size / shrink / 2) for size in (look.width, look.height))
    return replace(look, width=width, height=height)


def _misbehave(fault: Fault, limit: Seconds) -> Seconds:
    """Do what the fault asks for while a picture is taken; returns how much longer that takes."""
    match fault.fault:
        case "unplug":
            raise _unplugged()
        case "hang":
            threading.Event().wait()
        case "timeout":
            time.sleep(limit)
            raise _too_slow(limit)
        case "slow":
            return fault.seconds
        case _:
            pass
    return 0.0


def _spoilt(frame: Frame, fault: Fault) -> Frame:
    """The frame as a broken camera would hand it over."""
    main, achieved = frame.main, frame.achieved
    began: MonotonicTime = frame.began_at
    if fault.fault == "truncated":
        main = Planes(y=main.y[: main.height // 3], u=main.u, v=main.v[: main.height // 6])
    elif fault.fault == "wrong_size":
        half, quarter = main.height // 2, main.height // 4
        main = Planes(y=main.y[:half], u=main.u[:quarter], v=main.v[:quarter])
    elif fault.fault == "wrong_metadata":
        began = -1.0
        achieved = Achieved(
            exposure_us=-7, iso=0, analogue_gain=math.nan, digital_gain=0.0, lux=math.inf
        )
    return Frame(
        main=main,
        preview=frame.preview,
        began_at=began,
        achieved=achieved,
        release=frame.release,
    )


def _unplugged() -> CameraUnavailableError:
    return CameraUnavailableError(
        "the simulated camera does not answer, as if it were unplugged; "
        "`python3 -m cinepi.camera simulate clear` plugs it in again"
    )


def _too_slow(limit: Seconds) -> DeadlineError:
    return DeadlineError(f"the simulated camera gave no picture within {limit:.1f} s")
