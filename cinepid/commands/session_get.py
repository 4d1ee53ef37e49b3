"""session/get: what the session does now."""

from cinepi.model.documents import SessionDocument
from cinepi.protocol import NoParams
from cinepid.commands._contract import Command, passed_on

COMMAND = Command(
    summary="Say what the session does.",
    arguments=NoParams,
    result=SessionDocument,
    run=passed_on("session.get", SessionDocument),
    say=lambda session: f"Session is {session.state}",
)
