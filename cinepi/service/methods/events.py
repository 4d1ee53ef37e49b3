"""Events and answers, for those who deliver them."""

from cinepi.protocol import (
    AnsweredParams,
    EventsReadParams,
    EventsReadResult,
    FindRequestParams,
    FindRequestResult,
    NoParams,
    UnansweredResult,
)
from cinepi.service.requests import Call, Nothing, method


@method("events.read", EventsReadParams)
def read(call: Call[EventsReadParams]) -> EventsReadResult:
    """Events after a sequence number, in order."""
    return call.parts.journal.events(call.params.after, call.params.limit)


@method("requests.unanswered", NoParams)
def unanswered(call: Call[NoParams]) -> UnansweredResult:
    """Answers that nobody has confirmed as delivered."""
    return UnansweredResult(requests=call.parts.journal.unanswered())


@method("requests.answered", AnsweredParams)
def answered(call: Call[AnsweredParams]) -> Nothing:
    """Confirm that answers were delivered."""
    call.parts.journal.mark_answered(call.params.ids)
    return Nothing()


@method("requests.find", FindRequestParams)
def find(call: Call[FindRequestParams]) -> FindRequestResult:
    """The command of this id, else the newest whose id begins so: it runs just now, or is done."""
    running = call.find_in_progress(call.params.prefix)
    return FindRequestResult(id=running or call.parts.journal.find_request(call.params.prefix))
