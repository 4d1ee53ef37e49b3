"""What a session counts, on its way to the journal: missed frames, and how late the others were.

The first missed frame of a streak is told at once. Those that follow for the same reason are told
together, when the streak ends or after a minute: an unplugged camera at a frame a second would
otherwise push every other event out of the journal in a day.
"""

import msgspec

from cinepi.clock import Clock
from cinepi.journal.journal import Transaction
from cinepi.model.documents import Lateness, MissReason
from cinepi.model.events import FramesMissed, SessionStopped
from cinepi.timing.lateness import LatenessWindow
from cinepi.timing.session import Session
from cinepi.units import Milliseconds, MonotonicTime, Seconds

TOLD_AFTER: Seconds = 60.0
"""Missed frames are journalled at least this often."""


def counted(tx: Transaction, session: Session, count: int, reason: MissReason) -> Session:
    """Count the next `count` slots as missed, and tell it."""
    if not count:
        return session
    tx.append(
        FramesMissed(session=session.id, first_frame=session.slot, count=count, reason=reason)
    )
    return session.with_missed(count, reason)


def tell_end(tx: Transaction, session: Session) -> None:
    """Tell that a session is over, with nothing of it left to settle."""
    stopped = SessionStopped(
        session=session.id,
        reason=session.end_reason or "stopped",
        frames=session.frames,
        missed=session.missed,
    )
    tx.append(stopped)


class Ledger:
    """What the session has counted, as far as the journal has not been told."""

    def __init__(self, clock: Clock) -> None:
        """Begin with none."""
        self._clock = clock
        self._lateness = LatenessWindow()
        self._streak: MissReason | None = None
        self._untold: FramesMissed | None = None
        self._since: MonotonicTime = 0.0

    def lateness(self, session: Session) -> Lateness:
        """How late the last frames of the session were."""
        return self._lateness.summary(session.max_late_ms)

    def begin(self, tx: Transaction) -> None:
        """Another session begins, once the transaction commits."""

        def begin() -> None:
            self._lateness.clear()
            self._streak = None

        tx.on_commit(begin)

    def frame(self, tx: Transaction, late_ms: Milliseconds) -> None:
        """A frame is taken, once the transaction commits: a streak of missed ones is over."""
        self.tell(tx)

        def note() -> None:
            self._lateness.add(late_ms)
            self._streak = None

        tx.on_commit(note)

    def begins_streak(self, tx: Transaction, reason: MissReason) -> bool:
        """Whether a miss for this reason is the first of its streak, and is to be told at once."""

        def begin() -> None:
            self._streak = reason

        is_first = self._streak != reason
        if is_first:
            tx.on_commit(begin)
        return is_first

    def put_off(self, session: Session, count: int, reason: MissReason) -> Session:
        """Count the next `count` slots as missed, to be told later: they follow in a streak."""
        if self._untold is None:
            self._since = self._clock.monotonic()
            self._untold = FramesMissed(
                session=session.id, first_frame=session.slot, count=count, reason=reason
            )
        else:
            together = self._untold.count + count
            self._untold = msgspec.structs.replace(self._untold, count=together)
        return session.with_missed(count, reason)

    def is_due(self) -> bool:
        """Whether some have waited for `TOLD_AFTER`."""
        return self._untold is not None and self._clock.monotonic() - self._since > TOLD_AFTER

    def tell(self, tx: Transaction) -> None:
        """Journal what was put off."""
        if self._untold is not None:
            tx.append(self._untold)
            tx.on_commit(self._forget)

    def _forget(self) -> None:
        self._untold = None
