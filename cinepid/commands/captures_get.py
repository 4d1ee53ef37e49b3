"""captures/get: facts about one shot, and the bytes of a file in raw messages after the answer."""

import os
from typing import Literal

from cinepi.errors import TooLargeError
from cinepi.model.documents import CaptureDocument
from cinepi.protocol import CHUNK, CaptureGetParams, CaptureReadParams, CaptureReadResult, Params
from cinepi.units import Bytes
from cinepid.commands._contract import Command, Context
from cinepid.message import Outgoing
from cinepid.payloads import Payload

NAME = "captures/get"
_HEADER: Bytes = 1024  # more than topic and header of a message take

_LEAST: Bytes = 256  # a picture of some megabytes would come in 10,000s of messages


class GetParams(Params, frozen=True, rename={"what": "as"}):
    """Arguments: which picture, and what of it.

    Attributes:
        filename: Of the picture or of any other file of its shot, without a folder.
        what: Facts alone, or the bytes of a small preview or of the whole file as well.
    """

    filename: str
    what: Literal["metadata", "preview", "full"] = "metadata"


class Transfer(Payload, frozen=True):
    """How the bytes come: `parts` messages to `<topic>/0`, `<topic>/1`, …, in this order.

    Attributes:
        topic: What the topics of the messages begin with.
        parts: How many messages.
        part_bytes: Length of each but the last.
        size: Bytes in all.
    """

    topic: str
    parts: int
    part_bytes: int
    size: int


class GetResult(Payload, frozen=True):
    """The picture's facts; `transfer` is None where only those were asked for."""

    capture: CaptureDocument
    transfer: Transfer | None


async def _run(context: Context, arguments: GetParams) -> GetResult:
    params = CaptureGetParams(filename=arguments.filename)
    capture = await context.call("captures.get", CaptureDocument, params)
    if arguments.what == "metadata":
        return GetResult(capture=capture, transfer=None)
    connection = context.parts.uplink.connection
    longest = connection.limits.max_packet if connection else CHUNK
    part_bytes = min(CHUNK, longest - _HEADER)
    if part_bytes < _LEAST:
        raise TooLargeError(f"the broker takes {longest} bytes at a time, too few for a picture")
    size = (
        await _read(context, arguments, 0)
    ).total  # of what is there, not of what the index says
    topic = context.parts.device.topics.response(NAME, os.urandom(4).hex())
    parts = -(-size // part_bytes)
    transfer = Transfer(topic=topic, parts=parts, part_bytes=part_bytes, size=size)
    context.afterwards.append(lambda: _send(context, arguments, transfer))
    return GetResult(capture=capture, transfer=transfer)


async def _send(context: Context, arguments: GetParams, transfer: Transfer) -> None:
    """Send the bytes, one message after the other, so that other messages come in between."""
    for part in range(transfer.parts):
        offset = part * transfer.part_bytes
        data = (await _read(context, arguments, offset)).data[: transfer.part_bytes]
        message = Outgoing(topic=f"{transfer.topic}/{part}", payload=data)
        await context.parts.uplink.publish(message)


async def _read(context: Context, arguments: GetParams, offset: int) -> CaptureReadResult:
    params = CaptureReadParams(
        filename=arguments.filename, preview=arguments.what == "preview", offset=offset
    )
    return await context.call("captures.read", CaptureReadResult, params)


COMMAND = Command(
    summary="Give facts about one picture, and its bytes if asked for.",
    arguments=GetParams,
    result=GetResult,
    run=_run,
    say=lambda found: found.capture.filename,
)
