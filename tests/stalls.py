"""A machine that stands still: seconds that nobody had, and slots that nobody could take."""

import math
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

_LOOK = 0.05
_STALL = 0.3
"""So long between two looks, and everything else has waited too."""


class Stalls:
    """Looks 20 times a second, from `with` to its end, whether it can.

    Attributes:
        slots: So many slots of a session with a frame a second may have passed meanwhile.
    """

    def __init__(self) -> None:
        """Begin to look with the block."""
        self.slots = 0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._look, name="stalls", daemon=True)

    def __enter__(self) -> Self:
        """Look."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Look no more."""
        self._is_over.set()
        self._thread.join()

    def _look(self) -> None:
        last = time.monotonic()
        while not self._is_over.wait(_LOOK):
            now = time.monotonic()
            if now - last > _STALL:
                self.slots += math.ceil(now - last)
            last = now


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
