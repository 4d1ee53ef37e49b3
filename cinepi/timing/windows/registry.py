"""Finding the kinds of windows by the names of their files, to read and write a session's rule."""

from collections.abc import Mapping
from functools import lru_cache
from importlib import import_module
from pkgutil import iter_modules

import msgspec

from cinepi.errors import NotSupportedError
from cinepi.timing import windows as folder
from cinepi.timing.windows.contract import Windows

_RULE = "rule"
_MACHINERY = {"contract", "registry"}


def names() -> tuple[str, ...]:
    """Every kind of windows, in alphabetical order."""
    found = (module.name for module in iter_modules(folder.__path__))
    return tuple(sorted(name for name in found if name not in _MACHINERY))


def written(windows: Windows) -> dict[str, object]:
    """A rule as plain JSON values, for `read`."""
    name = type(windows).__module__.rpartition(".")[2]
    return {_RULE: name, **msgspec.structs.asdict(windows)}


def read(rule: Mapping[str, object]) -> Windows:
    """The rule that `written` has written.

    Raises:
        NotSupportedError: This version of the product has no such windows, or other ones of that
            name; a newer version may have saved them.
    """
    return _read(msgspec.json.encode(rule))


@lru_cache(maxsize=8)  # of the one session that there is, every value asks for the same
def _read(text: bytes) -> Windows:
    values: dict[str, object] = msgspec.json.decode(text)
    name = values.pop(_RULE, None)
    if name not in names():
        raise NotSupportedError(f"this version knows no windows {name!r}, only {names()}")
    try:
        windows: Windows = msgspec.convert(values, import_module(f"{folder.__name__}.{name}").Rule)
    except msgspec.ValidationError as error:
        raise NotSupportedError(f"the windows {name!r} are of another version: {error}") from error
    return windows
