"""One moment, read on both clocks."""

from typing import NamedTuple, Self

from cinepi.clock import Clock
from cinepi.units import MonotonicTime, Seconds, WallTime


class Moment(NamedTuple):
    """A moment on the monotonic clock, which frames follow, and on the wall clock of people."""

    mono: MonotonicTime
    wall: WallTime

    @classmethod
    def of(cls, clock: Clock, later: Seconds = 0.0) -> Self:
        """The present moment, or one that is so many seconds later."""
        return cls(clock.monotonic() + later, clock.wall() + later)

    @property
    def offset(self) -> Seconds:
        """What the wall clock reads more than the monotonic one; changes when the clock is set."""
        return self.wall - self.mono
