"""Our settings and libcamera's: what a camera advertises, the controls to set, what it reports.

All of it is pure, so it can be tested without a camera. Names and numbers of controls are those of
libcamera's control definitions (control_ids_core.yaml, control_ids_draft.yaml).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from cinepi.exposure.contract import Exposure
from cinepi.features import Feature, features_of
from cinepi.model.exposures import Achieved
from cinepi.model.settings import CameraSettings
from cinepi.units import MonotonicTime

Control: TypeAlias = bool | int | float | tuple[int, int]
Range: TypeAlias = tuple[Any, Any, Any]
"""Least, greatest and default value of a control, as picamera2's `camera_controls` has them."""

_ANY_FRAME_DURATION = (100, 1_000_000_000)  # µs; narrower limits would cap the exposure
_START_FOCUS = 0  # AfTriggerStart
_AE_SEARCHING = 1  # AeStateSearching
_OLDEST = 3600.0  # seconds; a time stamp older than that is of another clock
_TOLERANCE = 0.02
_LINE_US = 50


@dataclass(frozen=True, slots=True)
class _Control:
    """A control that follows one setting.

    Attributes:
        name: As libcamera calls it.
        numbers: Which number each choice of the setting is; None where the value goes as it is,
            and has the range of the control.
        is_wanted: Whether these settings use it at all.
    """

    name: str
    numbers: Mapping[Any, int] | None = None
    is_wanted: Callable[[CameraSettings], bool] = lambda _: True


# One line for each setting that one control follows. A new one needs this line and its setting.
_CONTROLS: dict[str, _Control] = {
    "ev": _Control("ExposureValue"),
    "metering": _Control("AeMeteringMode", {"centre": 0, "spot": 1, "matrix": 2}),
    "white_balance": _Control(
        "AwbMode",
        {
            "auto": 0,
            "incandescent": 1,
            "tungsten": 2,
            "fluorescent": 3,
            "indoor": 4,
            "daylight": 5,
            "cloudy": 6,
        },
    ),
    "focus_mode": _Control("AfMode", {"manual": 0, "auto": 1, "continuous": 2}),
    "lens_position": _Control(
        "LensPosition", is_wanted=lambda settings: settings.focus_mode == "manual"
    ),
    "brightness": _Control("Brightness"),
    "contrast": _Control("Contrast"),
    "saturation": _Control("Saturation"),
    "sharpness": _Control("Sharpness"),
    "noise_reduction": _Control("NoiseReductionMode", {"off": 0, "fast": 1, "high_quality": 2}),
}
# These four come with each exposure, which needs both controls.
_OF_AN_EXPOSURE = {"exposure_mode", "shutter_us", "iso", "gain"}
_SHUTTER, _GAIN = "ExposureTime", "AnalogueGain"


def features(
    advertised: Mapping[str, Range], resolutions: Sequence[str], *, can_rotate: bool
) -> tuple[Feature, ...]:
    """The settings that a camera with these controls can follow, each with its own range."""
    found: list[Feature] = []
    for feature in features_of(CameraSettings):
        key = feature.key
        control = _CONTROLS.get(key)
        if key == "resolution":
            found.append(feature.narrowed(choices=resolutions))
        elif key == "rotation" and can_rotate:
            found.append(feature)
        elif key in _OF_AN_EXPOSURE and {_SHUTTER, _GAIN} <= set(advertised):
            shutter = _Control(_SHUTTER)
            found.append(
                _narrowed(feature, shutter, advertised) if key == "shutter_us" else feature
            )
        elif control is not None and control.name in advertised:
            found.append(_narrowed(feature, control, advertised))
    return tuple(found)


def standing(settings: CameraSettings, advertised: Mapping[str, Range]) -> dict[str, Control]:
    """What to set before the stream starts, with only such controls as are advertised."""
    wanted: dict[str, Control] = {"AwbEnable": True}
    for key, control in _CONTROLS.items():
        if control.is_wanted(settings):
            value = getattr(settings, key)
            wanted[control.name] = value if control.numbers is None else control.numbers[value]
    if settings.focus_mode == "auto":
        wanted["AfTrigger"] = _START_FOCUS
    if "NoiseReductionMode" in advertised:  # the mark of a pipeline that knows frame durations
        wanted["FrameDurationLimits"] = _ANY_FRAME_DURATION
    return {name: value for name, value in wanted.items() if name in advertised}


def of_exposure(exposure: Exposure, advertised: Mapping[str, Range]) -> dict[str, Control]:
    """What to set for one exposure, with only such controls as are advertised.

    Zero gives a value back to the automatic, whatever was fixed before. The pipeline of the
    Raspberry Pi makes up digitally what the sensor's gain does not reach.
    """
    wanted: dict[str, Control] = {
        _SHUTTER: exposure.shutter_us or 0,
        _GAIN: exposure.gain or 0.0,
    }
    if exposure.shutter_us is None and exposure.gain is None:
        wanted["AeEnable"] = True
    return {name: value for name, value in wanted.items() if name in advertised}


def shows(metadata: Mapping[str, Any], exposure: Exposure) -> bool:
    """Whether a frame was exposed as asked, as far as the camera tells and anything was asked.

    The sensor counts in lines of some 30 µs, and what a line is too long is taken off the gain:
    so the shutter may be a little off where the light is right.
    """
    done = achieved(metadata)
    shutter, wanted = done.exposure_us, exposure.shutter_us
    if wanted is not None and shutter is not None:
        if abs(shutter - wanted) > max(_TOLERANCE * wanted, _LINE_US):
            return False
        light = shutter / wanted
    else:
        light = 1.0
    if exposure.gain is None or done.iso is None:
        return True
    return abs(light * done.iso / 100 / exposure.gain - 1) <= _TOLERANCE


def achieved(metadata: Mapping[str, Any]) -> Achieved:
    """What the camera says that it did; None for what it does not say."""
    analogue = _number(metadata.get("AnalogueGain"))
    digital = _number(metadata.get("DigitalGain"))
    iso = (
        None if analogue is None else round(100 * analogue * (1.0 if digital is None else digital))
    )
    return Achieved(
        exposure_us=_whole(metadata.get("ExposureTime")),
        iso=iso,
        analogue_gain=_rounded(analogue, 4),
        digital_gain=_rounded(digital, 4),
        colour_temperature_k=_whole(metadata.get("ColourTemperature")),
        lux=_rounded(_number(metadata.get("Lux")), 2),
        lens_position=_rounded(_number(metadata.get("LensPosition")), 3),
        sensor_temperature_c=_rounded(_number(metadata.get("SensorTemperature")), 1),
    )


def began_at(metadata: Mapping[str, Any], now: MonotonicTime) -> MonotonicTime | None:
    """When the exposure began, on the monotonic clock; None if the camera's stamp is of no use.

    The stamp is taken at the end of the first row's exposure, in nanoseconds.
    """
    stamp = _number(metadata.get("SensorTimestamp"))
    if stamp is None or not 0 <= now - stamp / 1e9 < _OLDEST:
        return None
    return stamp / 1e9 - (_number(metadata.get("ExposureTime")) or 0.0) / 1e6


def is_settled(metadata: Mapping[str, Any]) -> bool:
    """Whether automatic exposure has found its values; True for cameras that do not say."""
    if "AeState" in metadata:
        return int(metadata["AeState"]) != _AE_SEARCHING
    return bool(metadata.get("AeLocked", True))


def _narrowed(feature: Feature, control: _Control, advertised: Mapping[str, Range]) -> Feature:
    least, greatest, _ = advertised[control.name]
    if control.numbers is None:
        return feature.narrowed(minimum=_number(least), maximum=_number(greatest))
    return feature.narrowed(
        choices=[
            choice for choice in feature.choices if least <= control.numbers[choice] <= greatest
        ]
    )


def _number(value: object) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and math.isfinite(value) else None  # type: ignore[arg-type]


def _whole(value: object) -> int | None:
    number = _number(value)
    return None if number is None else round(number)


def _rounded(number: float | None, digits: int) -> float | None:
    return None if number is None else round(number, digits)
