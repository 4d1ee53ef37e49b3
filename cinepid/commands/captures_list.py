"""captures/list: pictures on the device, newest first, as many as fit into one answer."""

import msgspec

from cinepi.protocol import CapturesListParams, CapturesListResult
from cinepi.units import Bytes, counted
from cinepid.commands._contract import Command, Context

_ROOM: Bytes = 60 * 1024


async def _run(context: Context, arguments: CapturesListParams) -> CapturesListResult:
    found = await context.call("captures.list", CapturesListResult, arguments)
    room = _ROOM
    for number, capture in enumerate(found.captures):
        room -= len(msgspec.json.encode(capture)) + 1
        if room < 0:
            fitting = found.captures[:number]
            return CapturesListResult(captures=fitting, next=fitting[-1].filename)
    return found


COMMAND = Command(
    summary="List pictures, newest first; `next` is the `before` of the next page.",
    arguments=CapturesListParams,
    result=CapturesListResult,
    run=_run,
    say=lambda found: counted(len(found.captures), "capture"),
)
