"""The way into a program: what can go wrong before its first line is said in a sentence too."""

import importlib.util
import sys
from importlib import import_module

FAILED = 1
INTERRUPTED = 130


def start(program: str) -> int:
    """Import the module `program`, which takes a moment on a Pi, and run its `main`."""
    if not has_packages():
        return FAILED
    try:
        code: int = import_module(program).main()
    except KeyboardInterrupt:
        return INTERRUPTED
    return code


def has_packages() -> bool:
    """Whether this Python is the one that the product was installed for; says so if it is not."""
    if importlib.util.find_spec("msgspec") is not None:
        return True
    sys.stderr.write(
        f"{sys.executable} lacks the packages that CinePi needs: take the Python that it was "
        "installed for; in a clone that is .venv/bin/python3, after `make demo`\n"
    )
    return False
