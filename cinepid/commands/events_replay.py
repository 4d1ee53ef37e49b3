"""events/replay: past events again, for a reader that has missed some."""

from cinepi.model.events import JournalEntry
from cinepi.protocol import EventsReadParams, EventsReadResult
from cinepi.units import counted
from cinepid.commands._answer import fitting
from cinepid.commands._contract import Command, Context
from cinepid.payloads import Payload


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
    events = fitting(found.events)
    has_more = bool(events) and events[-1].seq < found.last
    return Replayed(
        events=events,
        next=events[-1].seq if has_more else None,
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
