"""Our settings and libcamera's: what a camera advertises, the controls to set, what it reports.

All of it is pure, so it can be tested without a camera. Names and numbers of controls are those of
libcamera's control definitions (control_ids_core.yaml, control_ids_draft.yaml).
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from cinepi.features import Feature, features_of
from cinepi.model.documents import Achieved
from cinepi.model.settings import (
    CameraSettings,
    FocusMode,
    Metering,
    NoiseReduction,
    WhiteBalance,
)
from cinepi.units import MonotonicTime

Control: TypeAlias = bool | int | float | tuple[int, int]
Range: TypeAlias = tuple[Any, Any, Any]
"""Least, greatest and default value of a control, as picamera2's `camera_controls` has them."""

_METERING: dict[Metering, int] = {"centre": 0, "spot": 1, "matrix": 2}
_WHITE_BALANCE: dict[WhiteBalance, int] = {
    "auto": 0,
    "incandescent": 1,
    "tungsten": 2,
    "fluorescent": 3,
    "indoor": 4,
    "daylight": 5,
    "cloudy": 6,
}
_NOISE_REDUCTION: dict[NoiseReduction, int] = {"off": 0, "fast": 1, "high_quality": 2}
_FOCUS_MODE: dict[FocusMode, int] = {"manual": 0, "auto": 1, "continuous": 2}
_ANY_FRAME_DURATION = (100, 1_000_000_000)  # µs; narrower limits would cap the exposure
_START_FOCUS = 0  # AfTriggerStart
_AE_SEARCHING = 1  # AeStateSearching
_OLDEST = 3600.0  # seconds; a time stamp older than that is of another clock

# Which control each setting needs; those of a manual exposure need both.
_NEEDS: dict[str, tuple[str, ...]] = {
    "exposure_mode": ("ExposureTime", "AnalogueGain"),
    "shutter_us": ("ExposureTime", "AnalogueGain"),
    "iso": ("ExposureTime", "AnalogueGain"),
    "gain": ("ExposureTime", "AnalogueGain"),
    "ev": ("ExposureValue",),
    "metering": ("AeMeteringMode",),
    "white_balance": ("AwbMode",),
    "focus_mode": ("AfMode",),
    "lens_position": ("LensPosition",),
    "brightness": ("Brightness",),
    "contrast": ("Contrast",),
    "saturation": ("Saturation",),
    "sharpness": ("Sharpness",),
    "noise_reduction": ("NoiseReductionMode",),
}
# Settings whose range is that of one control.
_RANGES = {
    "shutter_us": "ExposureTime",
    "ev": "ExposureValue",
    "lens_position": "LensPosition",
    "brightness": "Brightness",
    "contrast": "Contrast",
    "saturation": "Saturation",
    "sharpness": "Sharpness",
}
_CHOICES: dict[str, tuple[str, Mapping[Any, int]]] = {
    "metering": ("AeMeteringMode", _METERING),
    "white_balance": ("AwbMode", _WHITE_BALANCE),
    "focus_mode": ("AfMode", _FOCUS_MODE),
    "noise_reduction": ("NoiseReductionMode", _NOISE_REDUCTION),
}


def features(
    advertised: Mapping[str, Range], resolutions: Sequence[str], *, can_rotate: bool
) -> tuple[Feature, ...]:
    """The settings that a camera with these controls can follow, each with its own range."""
    found: list[Feature] = []
    for feature in features_of(CameraSettings):
        key = feature.key
        if key == "resolution":
            found.append(feature.narrowed(choices=resolutions))
        elif key == "rotation":
            found += [feature] if can_rotate else []
        elif key in _NEEDS and all(name in advertised for name in _NEEDS[key]):
            found.append(_narrowed(feature, advertised))
    return tuple(found)


def controls(settings: CameraSettings, advertised: Mapping[str, Range]) -> dict[str, Control]:
    """What to set for `settings`, with only such controls as are advertised."""
    wanted: dict[str, Control] = {
        **_exposure(settings, advertised),
        "AeMeteringMode": _METERING[settings.metering],
        "AwbMode": _WHITE_BALANCE[settings.white_balance],
        "AwbEnable": True,
        "Brightness": settings.brightness,
        "Contrast": settings.contrast,
        "Saturation": settings.saturation,
        "Sharpness": settings.sharpness,
        "NoiseReductionMode": _NOISE_REDUCTION[settings.noise_reduction],
        **_focus(settings),
    }
    if "NoiseReductionMode" in advertised:  # the mark of a pipeline that knows frame durations
        wanted["FrameDurationLimits"] = _ANY_FRAME_DURATION
    return {name: value for name, value in wanted.items() if name in advertised}


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


def _narrowed(feature: Feature, advertised: Mapping[str, Range]) -> Feature:
    if feature.key in _RANGES:
        least, greatest, _ = advertised[_RANGES[feature.key]]
        return feature.narrowed(minimum=_number(least), maximum=_number(greatest))
    if feature.key in _CHOICES:
        control, numbers = _CHOICES[feature.key]
        least, greatest, _ = advertised[control]
        return feature.narrowed(
            choices=[choice for choice in feature.choices if least <= numbers[choice] <= greatest]
        )
    return feature


def _exposure(settings: CameraSettings, advertised: Mapping[str, Range]) -> dict[str, Control]:
    if settings.exposure_mode == "auto" or "ExposureTime" not in advertised:
        # Zero gives both back to the automatic, whatever was fixed before.
        return {
            "AeEnable": True,
            "ExposureTime": 0,
            "AnalogueGain": 0.0,
            "ExposureValue": settings.ev,
        }
    # The pipeline of the Raspberry Pi makes up digitally what the sensor's gain does not reach.
    return {
        "ExposureTime": settings.shutter_us,
        "AnalogueGain": settings.iso / 100 * settings.gain,
    }


def _focus(settings: CameraSettings) -> dict[str, Control]:
    mode: dict[str, Control] = {"AfMode": _FOCUS_MODE[settings.focus_mode]}
    if settings.focus_mode == "manual":
        return {**mode, "LensPosition": settings.lens_position}
    if settings.focus_mode == "auto":
        return {**mode, "AfTrigger": _START_FOCUS}
    return mode


def _number(value: object) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and math.isfinite(value) else None  # type: ignore[arg-type]


def _whole(value: object) -> int | None:
    number = _number(value)
    return None if number is None else round(number)


def _rounded(number: float | None, digits: int) -> float | None:
    return None if number is None else round(number, digits)
