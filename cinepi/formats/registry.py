"""Which formats there are, found by the names of the files in `pictures/` and `companions/`."""

import importlib
from collections.abc import Mapping
from functools import cache

from cinepi.choices import choices_in
from cinepi.formats.contract import FileFormat, PictureFormat

_PICTURES = "cinepi.formats.pictures"
_COMPANIONS = "cinepi.formats.companions"


@cache
def pictures() -> Mapping[str, PictureFormat]:
    """Formats that the picture of a shot can have, by suffix, in alphabetical order."""
    return {suffix: _made(_PICTURES, suffix) for suffix in choices_in(_PICTURES)}


@cache
def companions() -> Mapping[str, FileFormat]:
    """Formats of what lies beside a picture, by suffix, in alphabetical order."""
    return {suffix: _made(_COMPANIONS, suffix) for suffix in choices_in(_COMPANIONS)}


@cache
def formats() -> Mapping[str, FileFormat]:
    """All formats by suffix, those of pictures first."""
    return {**pictures(), **companions()}


def _made(folder: str, suffix: str) -> PictureFormat:
    made: PictureFormat = importlib.import_module(f"{folder}.{suffix}").Format()
    return made
