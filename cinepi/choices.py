"""What there is to choose from, where one file is one thing: the names of the files in a folder."""

import importlib
import pkgutil


def choices_in(package: str) -> tuple[str, ...]:
    """Names of all modules and packages directly below `package`, in alphabetical order.

    `package` itself is imported, which should hold nothing but a docstring; what it holds is not.
    """
    found = importlib.import_module(package)
    return tuple(sorted(module.name for module in pkgutil.iter_modules(found.__path__)))
