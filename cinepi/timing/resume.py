"""After a restart: the grid is found again, and what was missed while nobody was there."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from cinepi.clock import Clock, parse_time
from cinepi.model.documents import CaptureDocument, MissReason
from cinepi.model.events import FramesMissed, SessionResumed
from cinepi.timing.misses import missed
from cinepi.timing.plan import slots_in_plan
from cinepi.timing.session import Session


@dataclass(frozen=True, slots=True)
class Resumed:
    """A session that goes on.

    Attributes:
        session: On this boot's monotonic clock, with all missed slots counted.
        missed: Those that are counted now, to be told.
        reason: Why they were missed.
    """

    session: Session
    missed: tuple[FramesMissed, ...]
    reason: MissReason

    def events(self) -> Iterator[FramesMissed | SessionResumed]:
        """What there is to tell, in order."""
        yield from self.missed
        if self.session.state == "active":
            total = sum(event.count for event in self.missed)
            yield SessionResumed(session=self.session.id, cause=self.reason, missed=total)


def find_again(
    session: Session, clock: Clock, kernel_boot: str, newest: Sequence[CaptureDocument]
) -> Resumed:
    """Place a running session on the clocks as they are now.

    Args:
        session: As it was saved.
        clock: The time.
        kernel_boot: The kernel's id of this boot.
        newest: Its last frames, newest first. Some may not be counted yet: a picture that was
            complete on the disk when the last run was cut short is indexed before the session
            goes on, and the process may have been cut short there again.
    """
    is_same_boot = session.kernel_boot == kernel_boot
    reason: MissReason = "service_down" if is_same_boot else "power_off"
    session, untold = _with_uncounted(session, newest, reason)
    if not is_same_boot:
        # A clock without a battery may read earlier than before the power went: at least no slot
        # is repeated then, and the rest is counted once the clock has been set.
        wall, now = clock.wall(), clock.monotonic()
        off = max(0.0, wall - session.written_wall)
        session = msgspec.structs.replace(
            session.shifted(now - (session.written_mono + off)),
            doubted_offset=None if clock.is_synced() else wall - now,
        )
    if gone := slots_in_plan(session, session.passed(clock.monotonic())[0], clock):
        untold.append(missed(session, gone, reason))
        session = session.with_missed(gone, reason)
    return Resumed(session=session, missed=tuple(untold), reason=reason)


def _with_uncounted(
    session: Session, newest: Sequence[CaptureDocument], reason: MissReason
) -> tuple[Session, list[FramesMissed]]:
    """Count frames that are in the index and were not counted.

    Slots before them had been missed, and nobody had been told yet.
    """
    untold: list[FramesMissed] = []
    for capture in reversed(newest):
        if capture.frame is not None and capture.frame >= session.slot:
            if gone := capture.frame - session.slot:
                untold.append(missed(session, gone, reason))
                session = session.with_missed(gone, reason)
            wall = parse_time(capture.taken_at, "/taken_at")
            session = session.with_frame(wall, capture.late_ms or 0.0)
    return session, untold
