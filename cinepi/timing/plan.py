"""What a session has planned, on the clocks as they are now; changes nothing."""

import msgspec

from cinepi.clock import Clock
from cinepi.model.documents import EndReason
from cinepi.timing.session import Session
from cinepi.units import MonotonicTime, Seconds, WallTime


def begun(session: Session, clock: Clock) -> Session:
    """One that was waiting and whose start time has come."""
    due = session.started_wall - _ahead(clock)
    return msgspec.structs.replace(session, state="active", origin=due, first_due=due)


def next_due(session: Session, clock: Clock) -> MonotonicTime | None:
    """When there is something to do for it next; None while nothing is planned."""
    if session.state == "waiting":
        return session.started_wall - _ahead(clock)
    return session.due(session.slot) if session.state == "active" else None


def next_wall(session: Session, clock: Clock) -> WallTime | None:
    """When its next frame is planned; None while none is."""
    if session.state == "waiting":
        return session.started_wall
    return session.due(session.slot) + _ahead(clock) if session.state == "active" else None


def end_before_next(session: Session, clock: Clock) -> EndReason | None:
    """Why it ends before its next slot; None if that slot belongs to it, or none is planned."""
    if session.state != "active":
        return None
    return session.end_before(session.slot, session.due(session.slot) + _ahead(clock))


def slots_in_plan(session: Session, gone: int, clock: Clock) -> int:
    """How many of the next `gone` slots come before the session's end."""
    ahead = _ahead(clock)
    low, high = 0, gone
    while low < high:  # the ends are monotonic in time: bisect
        middle = (low + high) // 2
        slot = session.slot + middle
        if session.end_before(slot, session.due(slot) + ahead):
            high = middle
        else:
            low = middle + 1
    return low


def _ahead(clock: Clock) -> Seconds:
    """What the wall clock reads more than the monotonic one."""
    return clock.wall() - clock.monotonic()
