"""From a request to its answer: find the method, check the arguments, act once."""

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Generic, TypeVar

import msgspec

from cinepi import check, strictjson
from cinepi.envelope import MAX_LINE, NO_RESULT, Command, Request, Response, WireError
from cinepi.errors import (
    CinepiError,
    DeadlineError,
    InvalidArgumentError,
    UnknownCommandError,
)
from cinepi.protocol import Params
from cinepi.service.workers import Lane
from cinepi.units import Seconds
from cinepi.vigil import LIMIT

if TYPE_CHECKING:
    from cinepi.service.parts import Parts

ParamsT = TypeVar("ParamsT", bound=Params)


@dataclass(frozen=True, slots=True)
class Call(Generic[ParamsT]):
    """One call of a method.

    Attributes:
        parts: All that the service is made of.
        params: The arguments, checked.
        command: What makes it happen once; to be given to the transaction of the effect.
    """

    parts: "Parts"
    params: ParamsT
    command: Command | None


@dataclass(frozen=True, slots=True)
class Method:
    """One method of the socket; see `method`."""

    name: str
    params: type[Params]
    run: Callable[[Call], msgspec.Struct | None]  # type: ignore[type-arg]
    lane: Lane | None
    limit_s: Seconds
    watches: bool


_METHODS: dict[str, Method] = {}


def method(
    name: str,
    params: type[ParamsT],
    *,
    lane: Lane | None = None,
    limit_s: Seconds = LIMIT,
    watches: bool = False,
) -> Callable[
    [Callable[[Call[ParamsT]], msgspec.Struct | None]],
    Callable[[Call[ParamsT]], msgspec.Struct | None],
]:
    """Make a function answer the method `name`.

    Args:
        name: What clients call it.
        params: Its arguments.
        lane: Where it runs, if it takes long; it does not keep its client's next request waiting
            then. None for one that answers at once.
        limit_s: One that runs for longer hangs, and the process with it.
        watches: Whether its connection is told all changes from before the answer on.
    """

    def register(
        run: Callable[[Call[ParamsT]], msgspec.Struct | None],
    ) -> Callable[[Call[ParamsT]], msgspec.Struct | None]:
        _METHODS[name] = Method(name, params, run, lane, limit_s, watches)
        return run

    return register


def load_methods() -> None:
    """Import every file of `methods/`: what it registers can be called then."""
    package = import_module("cinepi.service.methods")
    for module in iter_modules(package.__path__):
        import_module(f"{package.__name__}.{module.name}")


def wire_error(error: CinepiError) -> WireError:
    """An error as it travels."""
    return WireError(
        code=error.code,
        message=str(error),
        field=error.field,
        retryable=error.retryable,
        problems=tuple((problem.field, problem.message) for problem in error.problems),
    )


class _Outcome(msgspec.Struct, frozen=True):
    """What the journal keeps of a finished command."""

    result: msgspec.Raw = NO_RESULT
    error: WireError | None = None


def parse(line: bytes) -> Request:
    """One line of a client's.

    Raises:
        InvalidArgumentError: It is no request.
    """
    try:
        return msgspec.json.decode(line, type=Request)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidArgumentError(f"not a JSON-RPC request: {error}") from error


def understood(request: Request) -> tuple[Method, Params]:
    """The method that is asked for, and its arguments, checked.

    Raises:
        UnknownCommandError: There is no such method.
        InvalidArgumentError: With everything that is wrong with the arguments.
    """
    found = _METHODS.get(request.method)
    if found is None:
        close = get_close_matches(request.method, _METHODS, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        message = f"there is no method {request.method[:64]!r}{hint}"
        raise UnknownCommandError(message)
    arguments = strictjson.loads(bytes(request.params), max_bytes=MAX_LINE)
    return found, check.parse(found.params, arguments)


class Requests:
    """Answers requests; may be used from any thread."""

    def __init__(self, parts: "Parts") -> None:
        """Load all methods."""
        load_methods()
        self._parts = parts

    def lane(self, request: Request) -> Lane | None:
        """Where a request is to be answered; None for at once, in the thread that read it."""
        if request.command is not None and self._parts.in_progress.has(request.command.id):
            return "repeat"
        found = _METHODS.get(request.method)
        return None if found is None else found.lane

    def watches(self, request: Request) -> bool:
        """Whether whoever asks this wants to be told all changes from before the answer on."""
        found = _METHODS.get(request.method)
        return found is not None and found.watches

    def limit(self, name: str) -> Seconds:
        """How long a method may take at most."""
        found = _METHODS.get(name)
        return LIMIT if found is None else found.limit_s

    def answer(self, request: Request) -> Response:
        """Run a request, or repeat the answer of the command that it repeats.

        Raises:
            CinepiError: The answer is this error.
        """
        found, params = understood(request)
        command = request.command
        if command is None:
            return _response(request, found.run(Call(self._parts, params, None)))
        with self._parts.in_progress.alone(command):
            if stored := self._parts.journal.outcome(command):
                outcome = msgspec.json.decode(stored, type=_Outcome)
                return Response(
                    id=request.id, result=outcome.result, error=outcome.error, replayed=True
                )
            return self._run_once(request, command, found, params)

    def _run_once(
        self, request: Request, command: Command, found: Method, params: Params
    ) -> Response:
        journal = self._parts.journal
        try:
            result = found.run(Call(self._parts, params, command))
        except CinepiError as error:
            if is_final(error):
                with journal.transaction() as tx:
                    tx.finish(command, wire_error(error))
            raise
        if journal.outcome(command) is None:  # it had no effect, so no transaction either
            with journal.transaction() as tx:
                tx.finish(command, result or Nothing())
        return _response(request, result)


def is_final(error: CinepiError) -> bool:
    """Whether a repeat of the command gets this error again.

    What may succeed later may be tried again under the same id, as long as nothing can have
    happened: after a time-out it can.
    """
    return not error.retryable or isinstance(error, DeadlineError)


class Nothing(msgspec.Struct, frozen=True):
    """The result of a method that has none."""


def _response(request: Request, result: msgspec.Struct | None) -> Response:
    return Response(id=request.id, result=msgspec.Raw(msgspec.json.encode(result or Nothing())))
