"""Events and answers, for those who deliver them."""

from cinepi.errors import ExpiredError
from cinepi.protocol import EventsFollowParams, EventsReadResult
from cinepi.recorded import (
    AnsweredParams,
    FindRequestParams,
    FindRequestResult,
    RefuseParams,
    Unanswered,
    UnansweredParams,
    UnansweredResult,
)
from cinepi.service.requests import Call, Nothing, method


@method("events.read", EventsFollowParams)
def read(call: Call[EventsFollowParams]) -> EventsReadResult:
    """Events after a sequence number, in order; of a reader also how far it has got."""
    if call.params.reader is not None:
        call.parts.journal.has_read(call.params.reader, call.params.done)
    page = call.parts.journal.events(call.params.after, call.params.limit)
    return EventsReadResult(events=page.events, lost=page.lost, last=page.last)


@method("requests.unanswered", UnansweredParams)
def unanswered(call: Call[UnansweredParams]) -> UnansweredResult:
    """Answers that nobody has confirmed as delivered."""
    page = call.parts.journal.unanswered(call.params.after)
    requests = tuple(Unanswered(command=one.command, outcome=one.outcome) for one in page.requests)
    return UnansweredResult(requests=requests, next=page.next)


@method("requests.answered", AnsweredParams)
def answered(call: Call[AnsweredParams]) -> Nothing:
    """Confirm that answers were delivered."""
    call.parts.journal.mark_answered(call.params.ids)
    return Nothing()


@method("requests.refuse", RefuseParams, limit_s=86_400)  # it waits for the command, if that runs
def refuse(call: Call[RefuseParams]) -> Nothing:
    """Fail as expired, for good; a command that is done already has its answer repeated instead."""
    raise ExpiredError(call.params.message)


@method("requests.find", FindRequestParams)
def find(call: Call[FindRequestParams]) -> FindRequestResult:
    """The newest command whose id begins so: one that runs just now, or one that is done."""
    running = call.parts.in_progress.find(call.params.prefix)
    return FindRequestResult(id=running or call.parts.journal.find_request(call.params.prefix))
