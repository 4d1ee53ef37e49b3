"""From the settings and what is remembered to the exposures of a slot, and back from its pictures.

What is remembered is kept by others, as JSON with the name of its mode: what another mode has
remembered, or another version of the product, is begun anew. A mode that fails costs no picture:
the camera decides then, and the log says why.
"""

import importlib
import traceback
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Any

import msgspec

from cinepi.choices import choices_in
from cinepi.errors import InvalidArgumentError
from cinepi.exposure import modes as folder
from cinepi.exposure.contract import Exposure, ExposureMode, Memory, Reading
from cinepi.journal.net import understood
from cinepi.logs.setup import logger
from cinepi.model.settings import CameraSettings
from cinepi.units import WallTime

_log = logger("exposure")

_CAMERA_DECIDES = (Exposure(),)


class _Saved(msgspec.Struct, frozen=True):
    """What is remembered, and by whom."""

    mode: str
    memory: msgspec.Raw


def exposure_modes() -> tuple[str, ...]:
    """Names of all exposure modes, in alphabetical order."""
    return choices_in(folder.__name__)


def planned(
    settings: CameraSettings, saved: msgspec.Raw | None, at: WallTime
) -> tuple[Exposure, ...]:
    """The exposures of a slot that is due at `at`, one after the other; at least one.

    Args:
        settings: Those in force, within the range of the camera.
        saved: What `learned` has returned last; None before the first picture. One that is not
            understood counts as None.
        at: On the wall clock.

    Raises:
        InvalidArgumentError: `exposure_mode` is none that there is.
    """
    name = settings.exposure_mode
    mode = _mode(name)
    try:
        return mode.plan(_memory(mode, name, saved), settings, at) or _CAMERA_DECIDES
    except Exception:  # noqa: BLE001 - a picture that the camera exposes is better than none
        _say(name, traceback.format_exc())
        return _CAMERA_DECIDES


def learned(
    settings: CameraSettings, saved: msgspec.Raw | None, readings: Iterable[Reading]
) -> msgspec.Raw | None:
    """What to remember after the pictures of a slot; None for a mode that remembers nothing.

    Args:
        settings: Those with which the slot was planned.
        saved: What was remembered before it, as for `planned`.
        readings: One for each picture, in the order of their taking.

    Raises:
        InvalidArgumentError: `exposure_mode` is none that there is.
    """
    name = settings.exposure_mode
    mode = _mode(name)
    if mode.memory is Memory:
        return None
    memory = _memory(mode, name, saved)
    try:
        for reading in readings:
            memory = mode.learn(memory, reading)
    except Exception:  # noqa: BLE001 - what it knew before it failed may be why, so it begins anew
        _say(name, traceback.format_exc())
        return None
    encoded = msgspec.Raw(msgspec.json.encode(memory))
    return msgspec.Raw(msgspec.json.encode(_Saved(mode=name, memory=encoded)))


@cache
def _mode(name: str) -> ExposureMode[Any]:
    if name not in exposure_modes():
        known = ", ".join(exposure_modes())
        message = f"exposure_mode must be one of {known}, not {name!r}"
        raise InvalidArgumentError.at("/camera/exposure_mode", message)
    mode: ExposureMode[Any] = importlib.import_module(f"{folder.__name__}.{name}").Mode()
    return mode


def _memory(mode: ExposureMode[Any], name: str, saved: msgspec.Raw | None) -> Memory:
    if saved is None:
        return mode.memory()
    found = understood(bytes(saved), _Saved, "what an exposure mode remembers")
    if found is None or found.mode != name:
        return mode.memory()
    what = f"what the exposure mode {name} remembers"
    memory = understood(bytes(found.memory), mode.memory, what)
    return mode.memory() if memory is None else memory


@lru_cache(maxsize=16)
def _say(name: str, trace: str) -> None:
    """Log a failure once: the next slot comes in a second and fails in the same way."""
    _log.error("an exposure mode failed", mode=name, exception=trace)
