"""What time makes of a session: one pure function from the session that is there to the one due.

It opens windows, counts the slots that passed, closes windows, and ends the session. What a power
cut, a hung camera or a long snapshot has cost is what it counts; the caller knows the reason.
"""

from typing import NamedTuple

import msgspec

from cinepi.clock import STEP
from cinepi.model.documents import EndReason, MissReason
from cinepi.timing.moment import Moment
from cinepi.timing.session import Session
from cinepi.timing.windows import registry


class Settled(NamedTuple):
    """A session of which nothing is left to decide at a certain moment.

    Attributes:
        session: With all that has passed counted. One that is over is still running here; to end
            it is up to whoever has to tell so.
        missed: How many slots were counted now; they are `session.slot - missed` and those behind.
        end: Why it is over; None where it goes on.
    """

    session: Session
    missed: int
    end: EndReason | None


def settle(session: Session, moment: Moment, reason: MissReason) -> Settled:
    """Make of a session the one that is due at `moment`; slots that passed are missed for `reason`.

    For example, a session of a minute has the windows 6:00 to 20:00 of every day, and the power was
    off from 19:00 to 7:30: 60 slots of the evening are missed, the window of the evening closes,
    that of the morning opens, and 90 slots of it are missed.

    A clock that was set costs nothing: the grid of an open window goes on, and the windows that the
    clock has jumped over are passed over.
    """
    if session.is_running and abs(moment.offset - session.offset) >= STEP:
        session = _with_clock_set(session, moment)
    first = session.slot
    while True:
        if session.state == "waiting" and session.opens <= moment.wall:
            session = session.opened(moment.offset)
        if end := session.end_before_next():
            break
        if session.state != "active":
            break
        gone = min(session.passed(moment.mono).gone, session.slots_left())
        session = session.with_missed(int(gone), reason)
        if session.slots_left() or (end := session.end_before_next()):
            break
        # The window has no slot left. The next one may have opened long ago: round again.
        if (following := _following(session)) is None:
            end = "until"
            break
        session = following
    return Settled(session, session.slot - first, end)


def _awaiting_first(session: Session, moment: Moment) -> Session | None:
    """The session, waiting for the first of its windows that has not closed; None if all have."""
    window = next(registry.read(session.rule).after(moment.wall), None)
    return None if window is None else session.awaiting(window)


def _following(session: Session) -> Session | None:
    """The session, waiting for the window behind the present one; None if that was the last."""
    if session.closes is None:
        return None
    window = next(registry.read(session.rule).after(session.closes), None)
    return None if window is None else session.awaiting(window)


def _with_clock_set(session: Session, moment: Moment) -> Session:
    """The same session by a wall clock that was set since its grid was laid out."""
    if session.state != "waiting":
        return msgspec.structs.replace(session, offset=moment.offset)
    found = _awaiting_first(session, moment) or session
    if found.opens > moment.wall or (found.closes or moment.wall + 1) <= moment.wall:
        return msgspec.structs.replace(found, offset=moment.offset)
    # The clock was set into the middle of a window. Its grid lies as if the window had opened in
    # time, but only slots that can still be taken have a number.
    opened = found.opened(moment.offset)
    return opened.beginning(opened.slot + opened.passed(moment.mono).gone)
