"""Making wishes fit a camera: what it cannot follow is dropped, what is out of range is moved."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from cinepi.errors import Problem
from cinepi.exposure.contract import Exposure
from cinepi.features import Feature, features_of
from cinepi.model.settings import CameraSettings

_GENERAL = {feature.key: feature for feature in features_of(CameraSettings)}
_NOT_THE_CAMERAS = {"backend"}


@dataclass(frozen=True, slots=True)
class Fitted:
    """Settings that a camera can follow.

    Attributes:
        settings: Within the camera's range; what it cannot follow stands at its default.
        dropped: Keys that were asked for, other than at their default, and cannot be followed.
        adjusted: Keys whose value was moved into the range.
    """

    settings: CameraSettings
    dropped: tuple[str, ...]
    adjusted: tuple[str, ...]


def fit(asked: CameraSettings, features: tuple[Feature, ...]) -> Fitted:
    """Make `asked` fit a camera that has `features`."""
    offered = {feature.key: feature for feature in features}
    changes: dict[str, object] = {}
    dropped: list[str] = []
    adjusted: list[str] = []
    for key, general in _GENERAL.items():
        if key in _NOT_THE_CAMERAS:
            continue
        value = getattr(asked, key)
        if key not in offered:
            if value != general.default:
                dropped.append(key)
                changes[key] = general.default
        elif (nearest := _nearest(value, offered[key])) != value:
            adjusted.append(key)
            changes[key] = nearest
    return Fitted(
        settings=msgspec.structs.replace(asked, **changes),
        dropped=tuple(dropped),
        adjusted=tuple(adjusted),
    )


def fit_exposure(asked: Exposure, features: tuple[Feature, ...]) -> Exposure:
    """Make `asked` fit a camera that has `features`: what it cannot follow, it decides itself."""
    shutter = next((feature for feature in features if feature.key == "shutter_us"), None)
    if shutter is None:
        return Exposure()
    if asked.shutter_us is None:
        return asked
    return msgspec.structs.replace(asked, shutter_us=int(_nearest(asked.shutter_us, shutter)))


def problems(changes: Mapping[str, object], features: tuple[Feature, ...]) -> list[Problem]:
    """What of `changes` is out of the range of a camera with `features`; fields are `/key`.

    Keys that it cannot follow are no problem, nor are values of a wrong type: the general check of
    the settings finds those.
    """
    offered = {feature.key: feature for feature in features}
    return [
        Problem(f"/{key}", f"{key} must be {allowed}, not {value}, with this camera")
        for key, value in changes.items()
        if key in offered and (allowed := _mistake(value, offered[key]))
    ]


def _mistake(value: object, feature: Feature) -> str | None:
    """What the value should have been, or None where it is right."""
    if feature.choices:
        return None if str(value) in feature.choices else f"one of {', '.join(feature.choices)}"
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    low, high = feature.minimum, feature.maximum
    if (low is None or value >= low) and (high is None or value <= high):
        return None
    unit = f" {feature.unit}" if feature.unit else ""
    return f"between {low:.12g} and {high:.12g}{unit}"


def _nearest(value: float | str, feature: Feature) -> float | str:
    if feature.key == "resolution":
        return _nearest_resolution(str(value), feature.choices)
    if feature.choices:
        if str(value) in feature.choices:
            return value
        default = str(feature.default)
        # Choices are text, whatever the type of the value: rotation is a number.
        return type(value)(default if default in feature.choices else feature.choices[0])
    if isinstance(value, str):
        return value
    low = value if feature.minimum is None else max(value, feature.minimum)
    high = low if feature.maximum is None else min(low, feature.maximum)
    return type(value)(high)


def _nearest_resolution(asked: str, offered: tuple[str, ...]) -> str:
    """The same size, else the one of the most similar number of pixels."""
    if asked in offered or not offered:
        return asked
    width, height = _size(asked)

    def difference(choice: str) -> float:
        its_width, its_height = _size(choice)
        return abs(math.log(its_width * its_height / (width * height)))

    return min(offered, key=difference)


def _size(resolution: str) -> tuple[int, int]:
    width, height = resolution.split("x")
    return int(width), int(height)
