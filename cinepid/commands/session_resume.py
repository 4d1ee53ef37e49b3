"""session/resume: go on after a pause, on the same grid."""

from cinepi.model.documents import SessionDocument
from cinepi.protocol import NoParams
from cinepid.commands._contract import Command, passed_on

COMMAND = Command(
    summary="Go on with a paused session.",
    arguments=NoParams,
    result=SessionDocument,
    run=passed_on("session.resume", SessionDocument),
    say=lambda session: f"Session resumed with {session.interval or 0:g}s interval",
    lane="session",
    max_age_s=60,
    is_recorded=True,
)
