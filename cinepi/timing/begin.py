"""A new session from the arguments of a start."""

import os
from datetime import datetime

from cinepi.clock import parse_time, rfc3339
from cinepi.errors import BusyError, ConflictError, InvalidArgumentError
from cinepi.model.documents import Ends
from cinepi.model.events import SessionStarted
from cinepi.protocol import StartParams
from cinepi.timing.moment import Moment
from cinepi.timing.session import Session
from cinepi.timing.windows import once, registry
from cinepi.units import Seconds


def new_session(params: StartParams, default_interval: Seconds, moment: Moment) -> Session:
    """Make a session whose first slot is due at `moment`, which is now, or at its start time.

    Raises:
        InvalidArgumentError: The times contradict each other or have passed.
    """
    start_at = parse_time(params.start_at, "/start_at") if params.start_at else None
    until = parse_time(params.until, "/until") if params.until else None
    if start_at is not None and start_at < moment.wall:
        message = f"start_at must be in the future; it is {rfc3339(moment.wall)} now"
        raise InvalidArgumentError.at("/start_at", message)
    first = start_at or moment.wall
    if until is not None and until <= first:
        message = f"until must be later than the first frame at {rfc3339(first)}"
        raise InvalidArgumentError.at("/until", message)
    due = moment.mono + (first - moment.wall)
    stamp = datetime.fromtimestamp(first).astimezone().strftime("%Y%m%d_%H%M%S")
    return Session(
        id=f"{stamp}_{os.urandom(2).hex()}",
        name=params.name,
        state="waiting" if start_at else "active",
        interval=params.interval or default_interval,
        ends=Ends(count=params.count, duration_s=params.duration_s, until=params.until),
        rule=registry.written(once.Rule(opens=first, closes=until)),
        opens=first,
        closes=until,
        offset=moment.offset,
        origin=due,
        first_due=due,
        started_wall=first,
    )


def require_room_for_another(session: Session | None) -> None:
    """See that nothing is left to decide of the session that is there.

    Raises:
        ConflictError: It runs.
        BusyError: It was stopped, and its last frame is still being exposed.
    """
    if session is None or not session.is_open:
        return
    if session.is_running:
        message = (
            f"a session is {session.state} already "
            f"({session.name or session.id}, every {session.interval:g} s): stop it first"
        )
        raise ConflictError(message)
    raise BusyError(
        "the last frame of the session that was stopped is still being taken: "
        "start again when it is there"
    )


def started(session: Session) -> SessionStarted:
    """The event that a new session is there."""
    is_later = session.state == "waiting"
    return SessionStarted(
        session=session.id,
        name=session.name,
        interval=session.interval,
        ends=session.ends,
        start_at=rfc3339(session.started_wall) if is_later else None,
    )
