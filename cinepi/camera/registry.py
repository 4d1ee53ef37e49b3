"""Which cameras there are, found by the names of the folders in `backends/`."""

import importlib
import importlib.util

from cinepi.camera import backends as folder
from cinepi.camera.contract import CameraBackend
from cinepi.choices import choices_in
from cinepi.clock import Clock
from cinepi.errors import InvalidArgumentError
from cinepi.paths import Layout

AUTO = "auto"
"""Take the real camera where its library is installed, else the simulated one."""

_REAL = "picamera2"
_NEEDED_BY_REAL = ("picamera2", "libcamera")
_FALLBACK = "simulated"


def backends() -> tuple[str, ...]:
    """Names of all cameras that can be asked for, in alphabetical order; `auto` is not one."""
    return choices_in(folder.__name__)


def resolve(name: str) -> str:
    """The name itself, or what `auto` means on this machine; imports nothing.

    Raises:
        InvalidArgumentError: There is no camera of that name; lists those that are.
    """
    if name == AUTO:
        is_installed = all(importlib.util.find_spec(module) for module in _NEEDED_BY_REAL)
        return _REAL if is_installed else _FALLBACK
    if name not in backends():
        known = ", ".join((AUTO, *backends()))
        message = f"backend must be one of {known}, not {name!r}"
        raise InvalidArgumentError.at("/camera/backend", message)
    return name


def make(name: str, layout: Layout, clock: Clock) -> CameraBackend:
    """Make the camera of that name; does not touch the device yet.

    Raises:
        InvalidArgumentError: There is no camera of that name; lists those that are.
    """
    module = importlib.import_module(f"{folder.__name__}.{resolve(name)}.backend")
    backend: CameraBackend = module.Backend(layout, clock)
    return backend
