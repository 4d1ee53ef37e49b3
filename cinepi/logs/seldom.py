"""Warnings that repeat themselves: what is the matter for days is not said at every picture."""

from cinepi.clock import Clock
from cinepi.units import MonotonicTime, Seconds

EVERY: Seconds = 60.0
"""How often the same is said: at a line a second, the logs would hold nothing else in a day."""


class Seldom:
    """Remembers what was said last when; for one thread."""

    def __init__(self, clock: Clock) -> None:
        """Nothing has been said."""
        self._clock = clock
        self._said: dict[str, MonotonicTime] = {}

    def is_due(self, what: str) -> bool:
        """Whether to say `what`, one of a few words, now: it was not said for `EVERY` seconds."""
        now = self._clock.monotonic()
        last = self._said.get(what)
        if last is not None and now - last < EVERY:
            return False
        self._said[what] = now
        return True
