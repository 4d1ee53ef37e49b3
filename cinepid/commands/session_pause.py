"""session/pause: take no frames until it is resumed."""

from cinepi.model.documents import SessionDocument
from cinepi.protocol import NoParams
from cinepi.units import counted
from cinepid.commands._contract import Command, passed_on

COMMAND = Command(
    summary="Let the session wait.",
    arguments=NoParams,
    result=SessionDocument,
    run=passed_on("session.pause", SessionDocument),
    say=lambda session: f"Session paused after {counted(session.frames, 'frame')}",
    lane="session",
    max_age_s=60,
    is_recorded=True,
)
