"""What there is to choose from, where one file is one thing: the names of the files in a folder."""

import pkgutil
import sys
from collections.abc import Iterable
from pathlib import Path


def choices_in(package: str) -> tuple[str, ...]:
    """Names of all modules and packages directly below `package`, in alphabetical order.

    Imports nothing: who only reads settings, such as an operator's client, needs no camera.
    """
    return tuple(sorted(module.name for module in pkgutil.iter_modules(_path(package))))


def _path(package: str) -> Iterable[str]:
    loaded = sys.modules.get(package)
    if loaded is not None:  # somebody may have added a folder to it
        return loaded.__path__
    top, *below = package.split(".")
    return [str(Path(folder, *below)) for folder in sys.modules[top].__path__]
