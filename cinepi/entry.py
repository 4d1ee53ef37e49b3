"""The way into a program: what can go wrong before its first line is said in a sentence too."""

import importlib.util
import os
import signal
import sys
from importlib import import_module

FAILED = 1
INTERRUPTED = 130


def settle_in() -> None:
    """Make a daemon independent of whoever started it; its first call.

    SIGHUP, which comes when a terminal is closed and when somebody means "read your files again",
    ends nothing: it is ignored, since edited settings are taken up by themselves where that is
    possible. Standard streams that are closed are opened to nothing: else the first files that the
    program opens get their numbers, and what is printed is written into the journal.
    """
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    for number, mode in enumerate(("r", "w", "w")):
        try:
            os.fstat(number)
        except OSError:
            handle = os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one
            stream = open(handle, mode, encoding="utf-8", closefd=False)  # noqa: SIM115
            setattr(sys, ("stdin", "stdout", "stderr")[number], stream)


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
