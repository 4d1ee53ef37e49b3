"""session/start: take a picture at every interval from now on, or from a given time on."""

from cinepi.model.documents import SessionDocument
from cinepi.protocol import StartParams
from cinepid.commands._contract import Command, passed_on


def _say(session: SessionDocument) -> str:
    if session.state == "waiting":
        return f"Session starts at {session.started_at or session.next_at}"
    return f"Session started with {session.interval or 0:g}s interval"


COMMAND = Command(
    summary="Start a session.",
    arguments=StartParams,
    result=SessionDocument,
    run=passed_on("session.start", SessionDocument),
    say=_say,
    lane="session",
    max_age_s=60,
    is_recorded=True,
    is_broadcast=True,
)
