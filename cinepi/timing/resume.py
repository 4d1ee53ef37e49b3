"""After a restart: the grid is found again, and what was missed while nobody was there."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from cinepi.clock import Clock, parse_time
from cinepi.model.documents import CaptureDocument, MissReason
from cinepi.timing.session import Session


@dataclass(frozen=True, slots=True)
class Resumed:
    """A session that goes on.

    Attributes:
        session: On this boot's monotonic clock, before the missed slots are counted.
        missed: Slots that passed meanwhile.
        reason: Why they did.
    """

    session: Session
    missed: int
    reason: MissReason


def find_again(
    session: Session, clock: Clock, kernel_boot: str, found: Sequence[CaptureDocument]
) -> Resumed:
    """Place a running session on the clocks as they are now.

    Args:
        session: As it was saved.
        clock: The time.
        kernel_boot: The kernel's id of this boot.
        found: Pictures that were on the disk but not in the journal; its frames count.
    """
    session = _with_found(session, found)
    is_same_boot = session.kernel_boot == kernel_boot
    if not is_same_boot:
        # A clock without a battery may read earlier than before the power went: at least no slot
        # is repeated then, and the rest is counted once the clock has been set.
        off = max(0.0, clock.wall() - session.written_wall)
        session = msgspec.structs.replace(
            session.shifted(clock.monotonic() - (session.written_mono + off)),
            is_clock_doubtful=not clock.is_synced(),
        )
    gone = session.passed(clock.monotonic())[0] if session.state == "active" else 0
    return Resumed(
        session=session,
        missed=slots_in_plan(session, gone, clock),
        reason="service_down" if is_same_boot else "power_off",
    )


def slots_in_plan(session: Session, gone: int, clock: Clock) -> int:
    """How many of the next `gone` slots come before the session's end."""
    ahead = clock.wall() - clock.monotonic()
    low, high = 0, gone
    while low < high:  # the ends are monotonic in time: bisect
        middle = (low + high) // 2
        slot = session.slot + middle
        if session.end_before(slot, session.due(slot) + ahead):
            high = middle
        else:
            low = middle + 1
    return low


def _with_found(session: Session, found: Sequence[CaptureDocument]) -> Session:
    """Count frames that were complete on the disk when the last run was cut short."""
    for capture in found:
        if (
            capture.session == session.id
            and capture.frame is not None
            and capture.frame >= session.slot
        ):
            if untold := capture.frame - session.slot:
                session = session.with_missed(untold, "service_down")
            wall = parse_time(capture.taken_at, "/taken_at")
            session = session.with_frame(wall, capture.late_ms or 0.0)
    return session
