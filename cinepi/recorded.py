"""What both programs say of commands whose answers are recorded: which of them were delivered."""

import msgspec

from cinepi.envelope import Command
from cinepi.protocol import Params, Result


class Unanswered(Result, frozen=True):
    """A command whose answer its sender has not confirmed as delivered."""

    command: Command
    outcome: msgspec.Raw


class UnansweredParams(Params, frozen=True):
    """Arguments of `requests.unanswered`.

    Attributes:
        after: Where the page before it ended; 0 for the first page.
    """

    after: int = 0


class UnansweredResult(Result, frozen=True):
    """Answer of `requests.unanswered`: one page, oldest first.

    Attributes:
        requests: May be none, though there are more.
        next: Where to go on; None at the end.
    """

    requests: tuple[Unanswered, ...]
    next: int | None


class AnsweredParams(Params, frozen=True):
    """Arguments of `requests.answered`."""

    ids: tuple[str, ...]


class RefuseParams(Params, frozen=True):
    """Arguments of `requests.refuse`: why the command that comes along is not done any more."""

    message: str


class FindRequestParams(Params, frozen=True):
    """Arguments of `requests.find`: the newest request whose id starts so."""

    prefix: str


class FindRequestResult(Result, frozen=True):
    """The id found, or None."""

    id: str | None
