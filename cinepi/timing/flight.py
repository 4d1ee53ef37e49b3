"""The slot that is being taken: whoever stops the session lets it land, and lets none begin."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cinepi.units import Seconds

Slot = tuple[str, int]
"""Id of a session, and the number of its slot."""

IN_FLIGHT_LIMIT: Seconds = 5.0
"""How long a stop waits for the frame that is being taken."""

HELD_LIMIT: Seconds = 1.0
"""How long the shutter waits at a time for whoever holds it; then it looks around."""


class Flight:
    """Between the shutter's thread and those who stop, pause or correct the session."""

    def __init__(self) -> None:
        """Nothing is being taken."""
        self._changed = threading.Condition()
        self._slot: Slot | None = None
        self._holds = 0

    @property
    def slot(self) -> Slot | None:
        """The slot that is being taken; any thread."""
        return self._slot

    def wait_for_turn(self) -> None:
        """Wait while anybody holds the shutter, for `HELD_LIMIT` at most."""
        with self._changed:
            self._changed.wait_for(lambda: not self._holds, HELD_LIMIT)

    def begin(self, slot: Slot, *, is_still_due: Callable[[], bool]) -> bool:
        """Begin a slot, unless somebody holds the shutter or it is not due any more."""
        with self._changed:
            if self._holds or not is_still_due():
                return False
            self._slot = slot
            return True

    def end(self) -> None:
        """The slot has landed, or will not."""
        with self._changed:
            self._slot = None
            self._changed.notify_all()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Begin no slot during the block; it waits `IN_FLIGHT_LIMIT` for the present one."""
        with self._changed:
            self._holds += 1
        try:
            with self._changed:
                self._changed.wait_for(lambda: self._slot is None, IN_FLIGHT_LIMIT)
            yield
        finally:
            with self._changed:
                self._holds -= 1
                self._changed.notify_all()
