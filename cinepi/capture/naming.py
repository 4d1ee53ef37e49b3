"""What the files of a shot are called: its stem, a dot, and an ending that says which it is.

`cinepi_20261123_093000.jpg` is a picture. Beside it may lie companions, `….dng`, and pictures of
further exposures of the same shot, `….2.jpg`, `….3.jpg`. Which suffixes there are is asked of
`formats/`.
"""

import re
from datetime import datetime
from functools import cache, lru_cache
from typing import NamedTuple

from cinepi.errors import InvalidArgumentError
from cinepi.formats import registry
from cinepi.stem import PATTERN, time_of

_NUMBER = r"(?:(?:[2-9]|[1-9]\d)\.)?"  # of a further exposure
_MAX_SHOWN = 64


class Name(NamedTuple):
    """The name of a file of a shot, taken apart.

    Attributes:
        stem: The shot's name.
        ending: What follows the stem and its dot: `jpg`, `2.jpg`, `dng`.
        time: When the shot was exposed, by its stem: local time, without a zone.
    """

    stem: str
    ending: str
    time: datetime

    @property
    def is_picture(self) -> bool:
        """Whether it is the picture: the file that marks its shot as whole."""
        return self.ending in registry.pictures()

    @property
    def suffix(self) -> str:
        """Which format the file has."""
        return self.ending.rpartition(".")[2]


def file_name(stem: str, ending: str) -> str:
    """The name of a file of a shot."""
    return f"{stem}.{ending}"


def ending_for(suffix: str, number: int) -> str:
    """How the name of a file ends that is made of the exposure of that number, from 1."""
    return suffix if number == 1 else f"{number}.{suffix}"


def endings() -> tuple[str, ...]:
    """The endings by which it shows that a stem is in use."""
    return tuple(ending_for(suffix, number) for suffix in registry.formats() for number in (1, 2))


def understood(text: str) -> Name | None:
    """The name of a file of a shot, taken apart; None if no file of a shot is called so."""
    return _taken_apart(text, tuple(registry.formats()))


def parse_name(text: str, field: str = "/filename") -> Name:
    """The name of a file of a shot, taken apart.

    Raises:
        InvalidArgumentError: No file of a shot is called so; `field` is the JSON pointer to name.
    """
    name = understood(text)
    if name is None:
        suffix = next(iter(registry.pictures()))
        message = (
            f"a picture has a name such as cinepi_20261123_093000.{suffix} or "
            f"cinepi_20261123_093000_01.{suffix}, not {text[:_MAX_SHOWN]!r}"
        )
        raise InvalidArgumentError.at(field, message)
    return name


@lru_cache(maxsize=1000)  # one step of a look at a folder, which asks several times for each name
def _taken_apart(text: str, suffixes: tuple[str, ...]) -> Name | None:
    match = _pattern(suffixes).fullmatch(text)
    time = match and time_of(match["stem"])
    return Name(match["stem"], match["ending"], time) if match and time else None


@cache
def _pattern(suffixes: tuple[str, ...]) -> re.Pattern[str]:
    known = "|".join(map(re.escape, suffixes))
    return re.compile(rf"(?P<stem>{PATTERN})\.(?P<ending>{_NUMBER}(?:{known}))", re.ASCII)
