"""After a restart: the grid is found again, and what was missed while nobody was there."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from cinepi.clock import parse_time
from cinepi.model.documents import CaptureDocument, MissReason
from cinepi.model.events import FramesMissed, SessionResumed
from cinepi.timing.moment import Moment
from cinepi.timing.session import Session
from cinepi.timing.settle import Settled, settle
from cinepi.timing.windows import once, registry


@dataclass(frozen=True, slots=True)
class Resumed:
    """A session that goes on, or whose end is still to be told.

    Attributes:
        settled: On this boot's monotonic clock, with all missed slots counted.
        missed: Those that are counted now, to be told.
        reason: Why they were missed.
    """

    settled: Settled
    missed: tuple[FramesMissed, ...]
    reason: MissReason

    def events(self) -> Iterator[FramesMissed | SessionResumed]:
        """What there is to tell, in order."""
        yield from self.missed
        if self.settled.session.state == "active":
            total = sum(event.count for event in self.missed)
            yield SessionResumed(session=self.settled.session.id, cause=self.reason, missed=total)


def find_again(
    session: Session,
    moment: Moment,
    kernel_boot: str,
    newest: Sequence[CaptureDocument],
    *,
    is_synced: bool,
) -> Resumed:
    """Place a session that is not settled on the clocks as they are at `moment`, which is now.

    Args:
        session: As it was saved.
        moment: Now.
        kernel_boot: The kernel's id of this boot.
        newest: Its last frames, newest first. Some may not be counted yet: a picture that was
            complete on the disk when the last run was cut short is indexed before the session
            goes on, and the process may have been cut short there again.
        is_synced: Whether a time server has set the wall clock.
    """
    session = _with_windows(session)
    is_same_boot = session.kernel_boot == kernel_boot
    reason: MissReason = "service_down" if is_same_boot else "power_off"
    session, untold = _with_uncounted(session, newest, reason)
    if not is_same_boot:
        # A clock without a battery may read earlier than before the power went: at least no slot
        # is repeated then, and the rest is counted once the clock has been set.
        off = max(0.0, moment.wall - session.written_wall)
        session = msgspec.structs.replace(
            session.shifted(moment.mono - (session.written_mono + off)),
            doubted_offset=None if is_synced else moment.offset,
        )
        # The clock was not set, it was read anew: time that has passed really has passed.
        session = msgspec.structs.replace(session, offset=moment.offset)
    if session.unsettled:  # a pause or a stop came, and then the end of the process
        settled = Settled(session.with_missed(session.unsettled, reason), session.unsettled, None)
    else:
        settled = settle(session, moment, reason)
    if settled.missed:
        untold.append(_missed(session, settled.missed, reason))
    return Resumed(settled=settled, missed=tuple(untold), reason=reason)


def end_doubt(session: Session, moment: Moment) -> Settled:
    """Once a time server has set the clock: what a session has missed that went on before that.

    All of it was missed for want of power; the clock tells only now for how long.
    """
    off = max(0.0, moment.offset - (session.doubted_offset or 0.0))
    moved = session.with_time_off(off)
    # It knows the clock as it is now: that time has passed, and was not jumped over.
    slots = moved.origin_slot - session.origin_slot
    moved = msgspec.structs.replace(moved, offset=moment.offset)
    slots = int(min(slots, moved.slots_left()))
    settled = settle(moved.with_missed(slots, "power_off"), moment, "power_off")
    return Settled(settled.session, slots + settled.missed, settled.end)


def _with_windows(session: Session) -> Session:
    """Of a session that a version without windows has saved, the window that it meant."""
    if session.rule:
        return session
    until = parse_time(session.ends.until, "/ends/until") if session.ends.until else None
    return msgspec.structs.replace(
        session,
        rule=registry.written(once.Rule(opens=session.started_wall, closes=until)),
        opens=session.started_wall,
        closes=until,
        offset=session.written_wall - session.written_mono,
    )


def _missed(session: Session, count: int, reason: MissReason) -> FramesMissed:
    return FramesMissed(session=session.id, first_frame=session.slot, count=count, reason=reason)


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
                untold.append(_missed(session, gone, reason))
                session = session.with_missed(gone, reason)
            wall = parse_time(capture.taken_at, "/taken_at")
            session = session.with_frame(wall, capture.late_ms or 0.0)
    return session, untold
