"""The second look: gives up a camera that hangs, sees the clock being set, the disk filling.

Runs in a thread of its own, so that it sees a camera thread that hangs.
"""

import threading
from collections.abc import Callable, Iterator

from cinepi.capture.removal import tell_vanished
from cinepi.errors import CinepiError
from cinepi.journal.journal import Transaction
from cinepi.logs.seldom import Seldom
from cinepi.logs.setup import logger
from cinepi.service.clock_watch import ClockWatch
from cinepi.service.parts import Parts
from cinepi.units import MonotonicTime, Seconds

PERIOD: Seconds = 1.0
STORAGE_EVERY = 5
"""Periods from one look at the disk to the next."""
STUCK_AFTER: Seconds = 120.0
"""A camera call that is not over so long after its own limit is given up with the process, and so
is a shutter thread that has not turned since; whatever keeps its limit has ended long before."""

_log = logger("monitor")


class Monitor:
    """Looks around once a second until stopped."""

    def __init__(
        self,
        parts: Parts,
        *,
        give_up: Callable[[str, Callable[[Transaction], None]], None],
        is_idle: Callable[[MonotonicTime], bool],
        leave: Callable[[], None],
        turned: Callable[[], None],
    ) -> None:
        """Be ready to `run`.

        Args:
            parts: What is looked at.
            give_up: Called with a reason, and with what is to be journalled of the session then;
                should not return.
            is_idle: Whether nobody needs the service at that time.
            leave: Called once it is idle.
            turned: Called every turn.
        """
        self._parts = parts
        self._give_up = give_up
        self._is_idle = is_idle
        self._leave = leave
        self._turned = turned
        self._stopped = threading.Event()
        self._seldom = Seldom(parts.clock)
        self._clock_watch = ClockWatch(parts.clock, parts.journal)

    def stop(self) -> None:
        """End `run`."""
        self._stopped.set()

    def run(self) -> None:
        """The thread's life; returns after `stop`."""
        turn = 0
        while not self._stopped.wait(PERIOD):
            turn += 1
            self._turned()
            self._look(turn)

    def patience(self) -> Seconds:
        """How long the shutter's turn may take: as long as the camera's calls in it have promised.

        Each call into the camera says when it begins by when it is over. Nothing is computed from
        the settings of now, which may have changed meanwhile.
        """
        promised = self._parts.camera.promise() - self._parts.shutter.progressed_at
        return STUCK_AFTER + max(0.0, promised)

    def _look(self, turn: int) -> None:
        self._check_progress()
        for look in self._looks(turn):
            try:
                look()
            except CinepiError as error:
                if self._seldom.is_due(error.code):
                    _log.warning("look failed", reason=str(error))
        if self._is_idle(self._parts.clock.monotonic()):
            self._leave()

    def _looks(self, turn: int) -> Iterator[Callable[[], None]]:
        """What one turn looks at; where one of them fails, the others go on."""
        parts = self._parts
        yield self._look_at_clock
        yield parts.keeper.tell_misses
        yield parts.configuration.look
        if turn % STORAGE_EVERY == 0:
            yield parts.tidying.look
            yield parts.storage.check
        yield lambda: tell_vanished(parts.store, parts.journal)
        yield parts.taker.tidy

    def _look_at_clock(self) -> None:
        if self._clock_watch.look():
            self._parts.shutter.wake()

    def _check_progress(self) -> None:
        now = self._parts.clock.monotonic()
        keeper = self._parts.keeper
        overdue = self._parts.camera.overdue()
        if overdue > STUCK_AFTER:
            reason = f"the camera has not answered for {overdue:.0f} s beyond its limit"
            self._give_up(reason, keeper.lose_to_camera)
        limit = self.patience()
        if now - self._parts.shutter.progressed_at > limit:
            reason = f"the shutter thread has made no progress for {limit:.0f} s"
            self._give_up(reason, keeper.tell)
