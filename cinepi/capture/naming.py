"""What pictures are called: the stem of their shot, and `.jpg`."""

from collections.abc import Callable
from datetime import datetime

from cinepi.errors import InvalidArgumentError
from cinepi.stem import stem_for, stem_of, time_of
from cinepi.units import WallTime

_ENDING = ".jpg"
_MAX_SHOWN = 64


def name_for(wall: WallTime, taken: Callable[[str], bool]) -> str:
    """The first free name for a picture exposed at `wall`; see `stem_for`.

    Raises:
        ConflictError: All names of that second are taken.
    """
    return stem_for(wall, lambda stem: taken(stem + _ENDING)) + _ENDING


def parse_name(name: str, field: str = "/filename") -> datetime:
    """When the picture of that name was exposed: local time, without a zone.

    Raises:
        InvalidArgumentError: No picture is called so; `field` is the JSON pointer to name.
    """
    stem = stem_of(name)
    moment = time_of(stem) if name == stem + _ENDING else None
    if moment is not None:
        return moment
    message = (
        "a picture has a name such as cinepi_20261123_093000.jpg or "
        f"cinepi_20261123_093000_01.jpg, not {name[:_MAX_SHOWN]!r}"
    )
    raise InvalidArgumentError.at(field, message)


def is_name(text: str) -> bool:
    """Whether a picture can be called so."""
    try:
        parse_name(text)
    except InvalidArgumentError:
        return False
    return True
