"""session/stop: end the session; right at any age, and never behind anything that takes long."""

from cinepi.model.documents import SessionDocument
from cinepi.protocol import NoParams
from cinepi.units import counted
from cinepid.commands._contract import Command, passed_on

COMMAND = Command(
    summary="End the session.",
    arguments=NoParams,
    result=SessionDocument,
    run=passed_on("session.stop", SessionDocument),
    say=lambda session: f"Session stopped after {counted(session.frames, 'frame')}",
    lane="session",
    is_recorded=True,
    is_broadcast=True,
)
