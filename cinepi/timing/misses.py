"""Missed frames on their way to the journal: the first of a streak at once, the others together."""

import msgspec

from cinepi.clock import Clock
from cinepi.journal.journal import Transaction
from cinepi.model.documents import MissReason
from cinepi.model.events import FramesMissed
from cinepi.timing.plan import slots_in_plan
from cinepi.timing.session import Session
from cinepi.units import MonotonicTime, Seconds

TOLD_AFTER: Seconds = 60.0
"""Missed frames are journalled at least this often; one event for each would be a flood."""


def missed(session: Session, count: int, reason: MissReason) -> FramesMissed:
    """The event that the next `count` slots of a session were missed."""
    return FramesMissed(session=session.id, first_frame=session.slot, count=count, reason=reason)


def counted(
    tx: Transaction, session: Session, count: int, reason: MissReason, clock: Clock
) -> Session:
    """Count those of the next `count` slots that are in the plan as missed, and tell it."""
    count = slots_in_plan(session, count, clock)
    if not count:
        return session
    tx.append(missed(session, count, reason))
    return session.with_missed(count, reason)


class Misses:
    """Those that the session has counted and the journal has not been told."""

    def __init__(self, clock: Clock) -> None:
        """Begin with none."""
        self._clock = clock
        self._streak: MissReason | None = None
        self._untold: FramesMissed | None = None
        self._since: MonotonicTime = 0.0

    def begins_streak(self, tx: Transaction, reason: MissReason) -> bool:
        """Whether a miss for this reason is the first of its streak, and is to be told at once."""

        def begin() -> None:
            self._streak = reason

        is_first = self._streak != reason
        if is_first:
            tx.on_commit(begin)
        return is_first

    def end_streak(self) -> None:
        """A frame was taken, or a session begins."""
        self._streak = None

    def add(self, missed: FramesMissed) -> None:
        """Keep for later what follows the first of a streak."""
        if self._untold is None:
            self._untold, self._since = missed, self._clock.monotonic()
        else:
            together = self._untold.count + missed.count
            self._untold = msgspec.structs.replace(self._untold, count=together)

    def is_due(self) -> bool:
        """Whether some have waited for `TOLD_AFTER`."""
        return self._untold is not None and self._clock.monotonic() - self._since > TOLD_AFTER

    def tell(self, tx: Transaction) -> None:
        """Journal what has been kept."""
        if self._untold is not None:
            tx.append(self._untold)
            tx.on_commit(self._forget)

    def _forget(self) -> None:
        self._untold = None
