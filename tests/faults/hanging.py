"""Runs one of the programs, one function of which fails as soon as a file says so.

    python -m tests.faults.hanging service|daemon PLACE HOW FLAG [MODULE.NAME=SECONDS ...]

PLACE is `module.Class.method` or `module.function`, with `:word` only for calls that are given this
word; HOW is `raise`, `hang` (for ever: a thread, or
of asyncio the task alone) or `block` (the thread, and so all of asyncio). FLAG is the file. Limits
of the product are made shorter by naming them.
"""

import asyncio
import inspect
import sys
import threading
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from cinepi.clock import CLOCK_VARIABLE
from cinepi.paths import ROOT_VARIABLE
from tests.faults.stack import Program, Stack


def broken(
    stack: Stack, name: str, place: str, how: str, flag: Path, *limits: str, **more: str
) -> Program:
    """A program of the stack, to be broken at will; `more` is for its environment."""
    command = [sys.executable, "-m", "tests.faults.hanging", name, place, how, str(flag), *limits]
    environment = {
        ROOT_VARIABLE: str(stack.root),
        CLOCK_VARIABLE: str(stack.root / "clock.json"),
        "PYTHONPATH": ":".join(sys.path),
        **more,
    }
    return Program(name, command, stack.root / "stderr.log", **environment)


def main() -> int:
    """Break the place, then be the program."""
    program, place, how, flag, *limits = sys.argv[1:]
    for limit in limits:
        name, _, seconds = limit.partition("=")
        owner, attribute = _find(name)
        setattr(owner, attribute, float(seconds))
    place, _, word = place.partition(":")
    owner, attribute = _find(place)
    setattr(owner, attribute, _breaking(getattr(owner, attribute), how, Path(flag), word))
    if program == "service":
        from cinepi.service.__main__ import main as run_service  # noqa: PLC0415

        sys.argv[1:] = []
        return run_service()
    from cinepid.program import main as run_daemon  # noqa: PLC0415

    sys.argv[1:] = ["run"]
    return run_daemon()


def _find(place: str) -> tuple[Any, str]:
    """The module or class that has it, and its name there."""
    parts = place.split(".")
    for length in range(len(parts) - 1, 0, -1):
        try:
            owner: Any = import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for name in parts[length:-1]:
            owner = getattr(owner, name)
        return owner, parts[-1]
    raise AssertionError(f"there is no {place}")


def _breaking(whole: Callable[..., Any], how: str, flag: Path, word: str) -> Callable[..., Any]:
    def is_due(given: tuple[Any, ...]) -> bool:
        return flag.exists() and (not word or word in given)

    def fail() -> None:
        if how == "raise":
            raise RuntimeError("made to fail")
        threading.Event().wait()

    async def task(*given: Any, **named: Any) -> Any:
        if is_due(given):
            if how == "hang":
                await asyncio.Event().wait()
            fail()
        return await whole(*given, **named)

    def function(*given: Any, **named: Any) -> Any:
        if is_due(given):
            fail()
        return whole(*given, **named)

    return task if inspect.iscoroutinefunction(whole) else function


if __name__ == "__main__":
    sys.exit(main())
