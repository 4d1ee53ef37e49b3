"""Notices that somebody has set the clock."""

from cinepi.clock import STEP, Clock
from cinepi.journal.journal import Journal
from cinepi.logs.setup import logger
from cinepi.model.events import ClockStepped
from cinepi.units import Seconds

_log = logger("monitor")


class ClockWatch:
    """Notices that the wall clock was set: it moved against the monotonic one."""

    def __init__(self, clock: Clock, journal: Journal) -> None:
        """Compare with the clocks as they stand now."""
        self._clock = clock
        self._journal = journal
        self._offset = clock.wall() - clock.monotonic()

    def look(self) -> Seconds:
        """How far the clock was set since the last look; 0 where it was only slewed."""
        offset = self._clock.wall() - self._clock.monotonic()
        step = offset - self._offset
        if abs(step) < STEP:
            self._offset = offset
            return 0.0
        with self._journal.transaction() as tx:  # where that fails, the next look tells it
            tx.append(ClockStepped(step_s=round(step, 3), synced=self._clock.is_synced()))
        self._offset = offset
        _log.warning("clock was set", step_s=round(step, 3))
        return step
