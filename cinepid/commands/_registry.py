"""Every command there is, found by file name."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from cinepid.commands._contract import Command


@cache
def commands() -> dict[str, Command]:
    """All commands by name, such as `session/start`, from the files `<group>_<verb>.py`."""
    package = import_module("cinepid.commands")
    found = {}
    for file in iter_modules(package.__path__):
        if not file.name.startswith("_"):
            module = import_module(f"{package.__name__}.{file.name}")
            found[file.name.replace("_", "/", 1)] = module.COMMAND
    return dict(sorted(found.items()))
