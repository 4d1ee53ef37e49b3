"""What others have asked the shutter's thread to do, and what has not begun yet."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from cinepi.clock import Clock
from cinepi.timing.errands import Errand
from cinepi.units import MonotonicTime, Seconds, WallTime


@dataclass(slots=True, eq=False)
class Asked:
    """One thing that was asked for.

    Attributes:
        since: When it was asked for.
        run: Does it.
        takes: How long it is likely to keep the camera, as is known when it is looked at.
        at: When it is to be done, on the wall clock; None for as soon as possible.
        has_yielded: Whether it has let a slot go first.
    """

    since: MonotonicTime
    run: Callable[[], None]
    takes: Callable[[], Seconds]
    at: WallTime | None = None
    has_yielded: bool = False

    def due(self, clock: Clock) -> MonotonicTime:
        """When it is to be done, by the clocks as they are now."""
        return self.since if self.at is None else clock.monotonic() + (self.at - clock.wall())


class Waiting:
    """Everything that waits for its turn, in the order in which it was asked for.

    New settings are a single thing, however many changes were made, and go in front: the next
    picture that was asked for is to have them. Any thread may add; the shutter's thread does it.
    """

    def __init__(self, clock: Clock) -> None:
        """Nothing is waiting."""
        self._clock = clock
        self._lock = threading.Lock()
        self._settings: Asked | None = None
        self._asked: list[Asked] = []

    def add(
        self, run: Callable[[], None], takes: Callable[[], Seconds], at: WallTime | None = None
    ) -> None:
        """Let something be done, once; see `Asked`."""
        with self._lock:
            self._asked.append(Asked(self._clock.monotonic(), run, takes, at))

    def add_settings(self, run: Callable[[], None], takes: Callable[[], Seconds]) -> None:
        """Let new settings be followed, unless that waits already."""
        with self._lock:
            if self._settings is None:
                self._settings = Asked(self._clock.monotonic(), run, takes)

    def errands(self) -> list[Errand]:
        """All of it."""
        with self._lock:
            settings = self._settings
            before = 0.0 if settings is None else settings.takes()
            return [
                Errand(
                    asked.due(self._clock),
                    partial(self._begin, asked),
                    asked.takes() if asked is settings else before + asked.takes(),
                    asked.has_yielded,
                )
                for asked in self._all()
            ]

    def let_one_pass(self, now: MonotonicTime) -> None:
        """A slot is taken: of those that have let it go first, the first waits for no second one.

        One behind each slot is enough, and costs no more slots than it has to.
        """
        with self._lock:
            due = (asked for asked in self._all() if asked.due(self._clock) <= now)
            if (first := next(due, None)) is not None:
                first.has_yielded = True

    def _all(self) -> Iterator[Asked]:
        if self._settings is not None:
            yield self._settings
        yield from self._asked

    def _begin(self, asked: Asked) -> None:
        """Do it; from here on it does not wait any more, and settings that come are others."""
        with self._lock:
            if asked is self._settings:
                self._settings = None
            else:
                self._asked.remove(asked)
        asked.run()
