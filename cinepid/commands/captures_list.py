"""captures/list: pictures on the device, newest first, as many as fit into one answer."""

from cinepi.protocol import CapturesListParams, CapturesListResult
from cinepi.units import counted
from cinepid.commands._answer import fitting
from cinepid.commands._contract import Command, Context


async def _run(context: Context, arguments: CapturesListParams) -> CapturesListResult:
    found = await context.call("captures.list", CapturesListResult, arguments)
    captures = fitting(found.captures)
    if len(captures) == len(found.captures):
        return found
    return CapturesListResult(captures=captures, next=captures[-1].filename)


COMMAND = Command(
    summary="List pictures, newest first; `next` is the `before` of the next page.",
    arguments=CapturesListParams,
    result=CapturesListResult,
    run=_run,
    say=lambda found: counted(len(found.captures), "capture"),
)
