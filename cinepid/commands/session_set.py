"""session/set: a switch. ON starts or resumes a session, OFF ends it; what is so already stays."""

from typing import Literal

from cinepi.model.documents import SessionDocument
from cinepi.protocol import NoParams, Params, StartParams
from cinepid.commands._contract import Command, Context


class SetParams(Params, frozen=True):
    """Arguments; a plain `ON` or `OFF` does as well.

    Attributes:
        state: What the switch is to be.
    """

    state: Literal["ON", "OFF"]


async def _run(context: Context, arguments: SetParams) -> SessionDocument:
    now = await context.parts.service.call("session.get", SessionDocument)
    if arguments.state == "OFF" and now.state != "idle":
        return await context.call("session.stop", SessionDocument, NoParams())
    if arguments.state == "ON" and now.state == "paused":
        return await context.call("session.resume", SessionDocument, NoParams())
    if arguments.state == "ON" and now.state == "idle":
        return await context.call("session.start", SessionDocument, StartParams())
    return now


COMMAND = Command(
    summary="Switch the session on or off.",
    arguments=SetParams,
    result=SessionDocument,
    run=_run,
    say=lambda session: f"Session is {session.state}",
    lane="session",
    max_age_s=60,
    is_recorded=True,
    plain_key="state",
)
