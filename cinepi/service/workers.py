"""Threads for methods that may take long; each kind has its own, so that none waits for another."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

from cinepi.units import Seconds

Lane = Literal["work", "camera", "repeat"]
"""Where a method runs that does not answer at once: `work` reads or writes much, `camera` waits for
the camera, `repeat` waits for a command that runs already."""

THREADS: dict[Lane, int] = {"work": 6, "camera": 4, "repeat": 4}
"""So many of each run at the same time; more wait for their turn."""

_START_LIMIT: Seconds = 5.0


class Workers:
    """All threads are there from the start: none is added when it gets busy."""

    def __init__(self) -> None:
        """Start the threads."""
        self._lanes = {lane: _pool(lane, count) for lane, count in THREADS.items()}

    def submit(self, lane: Lane, work: Callable[[], None]) -> bool:
        """Do something when its turn comes; False where it never will, after `close`."""
        try:
            self._lanes[lane].submit(work)
        except RuntimeError:  # the pool's only word for being shut down
            return False
        return True

    def close(self) -> None:
        """Begin nothing more; what runs is not waited for."""
        for pool in self._lanes.values():
            pool.shutdown(wait=False, cancel_futures=True)


def _pool(lane: Lane, count: int) -> ThreadPoolExecutor:
    pool = ThreadPoolExecutor(count, thread_name_prefix=f"method-{lane}")
    together = threading.Barrier(count)
    for _ in range(count):
        pool.submit(together.wait, _START_LIMIT)  # one that is shut down meanwhile must not stay
    return pool
