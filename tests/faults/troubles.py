"""Troubles that a device has beside everything else: each begins, lasts a while and passes."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.faults import strace
from tests.faults.stack import Stack

DAY = 86_400
FAULTS = ("hang", "timeout", "unplug", "slow", "truncated", "wrong_size", "wrong_metadata")
"""Of the camera."""
LASTS = 1.5
"""Seconds of a failing disk, or of a broker that stands still."""
_DISK = (("writev",), ("fsync",), ("fdatasync", "pwrite64"), ("renameat2",), ("unlinkat", "unlink"))

Trouble = Callable[[Stack, random.Random], None]
"""Begins, and returns when it has passed or goes on by itself until `Stack.mend`."""


def _camera(fault: str) -> Trouble:
    def trouble(stack: Stack, choice: random.Random) -> None:
        stack.fault(fault, count=choice.randrange(1, 4), seconds=1.5)

    return trouble


def _disk(error: str) -> Trouble:
    def trouble(stack: Stack, choice: random.Random) -> None:
        what = f"error={error}:when={choice.randrange(1, 6)}+{choice.randrange(1, 6)}"
        with strace.attached(stack.service.pid, choice.choice(_DISK), what):
            time.sleep(LASTS)  # the trouble itself

    return trouble


def _clock(stack: Stack, choice: random.Random) -> None:
    stack.set_clock(choice.uniform(-10, 10) * DAY)


def _broker_freezes(stack: Stack, _choice: random.Random) -> None:
    stack.broker.freeze()
    time.sleep(LASTS)  # the trouble itself
    stack.broker.thaw()


TROUBLES: dict[str, Trouble] = {
    **{fault: _camera(fault) for fault in FAULTS},
    "EIO": _disk("EIO"),
    "ENOSPC": _disk("ENOSPC"),
    "clock": _clock,
    "broker freezes": _broker_freezes,
}
_NEEDS = {"EIO": "service", "ENOSPC": "service", "broker freezes": "broker"}
"""Programs that must not die at the same time."""


def fitting(victim: str) -> list[str]:
    """Names of the troubles that a device can have while one of its programs is killed."""
    return [name for name in TROUBLES if _NEEDS.get(name) != victim]


@contextmanager
def suffering(name: str | None, stack: Stack, choice: random.Random) -> Iterator[None]:
    """Let a trouble go on beside the block; it has passed when that ends."""
    thread = None
    if name is not None:
        trouble = TROUBLES[name]
        thread = threading.Thread(target=trouble, args=(stack, choice), name=name, daemon=True)
        thread.start()
    try:
        yield
    finally:
        if thread is not None:
            thread.join()
        stack.mend()
