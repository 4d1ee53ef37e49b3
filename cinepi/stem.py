"""What a shot is called: `cinepi_YYYYMMDD_HHMMSS` in local time, then `…_01` to `…_99`.

The stem is the shot's name. Its files share it, and each adds its own ending.
"""

import re
from collections.abc import Callable
from datetime import datetime

from cinepi.errors import ConflictError
from cinepi.units import WallTime

MOST_PER_SECOND = 100

PATTERN = r"cinepi_(\d{8}_\d{6})(?:_(?!00)\d{2})?"
"""Of a stem; its only group is the time."""

_TIME = "%Y%m%d_%H%M%S"


def stem_for(wall: WallTime, is_used: Callable[[str], bool]) -> str:
    """The first free stem for a shot that was exposed at `wall`.

    Args:
        wall: When the exposure began; the stem has it in local time.
        is_used: Whether there is a shot of that stem, as there is when two are exposed in one
            second, when the clock was set back, and in the hour that autumn repeats.

    Raises:
        ConflictError: All stems of that second are taken.
    """
    second = f"cinepi_{datetime.fromtimestamp(wall).astimezone().strftime(_TIME)}"
    for number in range(MOST_PER_SECOND):
        stem = f"{second}_{number:02}" if number else second
        if not is_used(stem):
            return stem
    raise ConflictError(
        f"there are {MOST_PER_SECOND} pictures of {second} already; there can be no more"
    )


def stem_of(filename: str) -> str:
    """The stem that a file of a shot has in its name; a stem is its own."""
    return filename.partition(".")[0]


def time_of(stem: str) -> datetime | None:
    """When the shot of that stem was exposed, in local time without a zone; None if it is none."""
    match = re.fullmatch(PATTERN, stem, re.ASCII)
    if match is None:
        return None
    date, clock = match[1].split("_")
    try:  # by hand: `strptime` takes ten times as long, and a folder has 100,000 names
        day = int(date[:4]), int(date[4:6]), int(date[6:])
        return datetime(*day, int(clock[:2]), int(clock[2:4]), int(clock[4:]))  # noqa: DTZ001 - local
    except ValueError:
        return None
