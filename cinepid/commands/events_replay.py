"""events/replay: past events again, for a reader that has missed some."""

import msgspec

from cinepi.model.events import JournalEntry
from cinepi.protocol import EventsReadParams, EventsReadResult
from cinepi.units import Bytes, counted
from cinepid.commands._contract import Command, Context
from cinepid.payloads import Payload

_ROOM: Bytes = 60 * 1024


class Replayed(Payload, frozen=True):
    """Events in order.

    Attributes:
        events: As many as fit into one answer.
        next: The `after` of the next page; None if there is no more.
        lost: How many the journal has dropped after the `after` asked for.
        last: The newest `seq` there is.
    """

    events: tuple[JournalEntry, ...]
    next: int | None
    lost: int
    last: int


async def _run(context: Context, arguments: EventsReadParams) -> Replayed:
    found = await context.call("events.read", EventsReadResult, arguments)
    room = _ROOM
    fitting = []
    for entry in found.events:
        room -= len(msgspec.json.encode(entry)) + 1
        if room < 0:
            break
        fitting.append(entry)
    has_more = bool(fitting) and fitting[-1].seq < found.last
    return Replayed(
        events=tuple(fitting),
        next=fitting[-1].seq if has_more else None,
        lost=found.lost,
        last=found.last,
    )


COMMAND = Command(
    summary="Give past events again, those after a `seq`.",
    arguments=EventsReadParams,
    result=Replayed,
    run=_run,
    say=lambda found: counted(len(found.events), "event"),
)
