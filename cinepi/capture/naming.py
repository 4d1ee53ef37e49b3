"""What pictures are called: `cinepi_YYYYMMDD_HHMMSS.jpg` in local time, then `…_01` to `…_99`."""

import re
from collections.abc import Callable
from datetime import datetime

from cinepi.errors import ConflictError, InvalidArgumentError
from cinepi.units import WallTime

MOST_PER_SECOND = 100

_NAME = re.compile(r"cinepi_(\d{8}_\d{6})(?:_(?!00)\d{2})?\.jpg", re.ASCII)
_TIME = "%Y%m%d_%H%M%S"
_MAX_SHOWN = 64


def name_for(wall: WallTime, taken: Callable[[str], bool]) -> str:
    """The first free name for a picture exposed at `wall`.

    Args:
        wall: When the exposure began; the name has it in local time.
        taken: Whether there is a picture of that name, as there is when two are exposed in one
            second, when the clock was set back, and in the hour that autumn repeats.

    Raises:
        ConflictError: All names of that second are taken.
    """
    second = f"cinepi_{datetime.fromtimestamp(wall).astimezone().strftime(_TIME)}"
    for number in range(MOST_PER_SECOND):
        name = f"{second}_{number:02}.jpg" if number else f"{second}.jpg"
        if not taken(name):
            return name
    raise ConflictError(
        f"there are {MOST_PER_SECOND} pictures of {second} already; there can be no more"
    )


def parse_name(name: str, field: str = "/filename") -> datetime:
    """When the picture of that name was exposed: local time, without a zone.

    Raises:
        InvalidArgumentError: No picture is called so; `field` is the JSON pointer to name.
    """
    match = _NAME.fullmatch(name)
    if match:
        try:
            return datetime.strptime(match[1], _TIME)  # noqa: DTZ007 - the name has no zone
        except ValueError:
            pass
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
