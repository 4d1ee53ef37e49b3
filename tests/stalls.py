"""A machine that stands still: seconds that nobody had, and slots that nobody could take.

Who counts slots is marked `alone`, so that few of them have to be forgiven.
"""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_LOOK = 0.05
_STALL = 0.3
"""So long between two looks, and everything else has waited too."""


@dataclass
class Stalls:
    """So far.

    Attributes:
        slots: So many slots of a session with a frame a second may have passed meanwhile.
    """

    slots: int = 0


@contextmanager
def counted_stalls() -> Iterator[Stalls]:
    """Look 20 times a second during the block whether the machine lets us."""
    stalls, is_over = Stalls(), threading.Event()

    def look() -> None:
        last = time.monotonic()
        while not is_over.wait(_LOOK):
            now = time.monotonic()
            if now - last > _STALL:
                stalls.slots += math.ceil(now - last)
            last = now

    thread = threading.Thread(target=look, name="stalls", daemon=True)
    thread.start()
    try:
        yield stalls
    finally:
        is_over.set()
        thread.join()


def awake_until(what: Callable[[], object], *, limit: float) -> float:
    """Seconds until it is true, of which a stall of the whole machine counts as a moment."""
    seconds, last = 0.0, time.monotonic()
    while not what():
        assert seconds < limit, f"waited for {limit} s in vain"
        time.sleep(0.01)  # the poll of a deadline
        now = time.monotonic()
        seconds += min(now - last, 2 * _LOOK)
        last = now
    return seconds
