"""What a command is: facts about it, and a function that does it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from cinepi import envelope, protocol
from cinepi.client import error_from
from cinepi.clock import Clock
from cinepi.paths import Layout
from cinepi.units import Seconds
from cinepid.camera_service import ANSWER_LIMIT, CameraService
from cinepid.pulse import Pulse

if TYPE_CHECKING:
    from cinepid.device import Device
    from cinepid.presence import Presence
    from cinepid.publishers.health import Health
    from cinepid.uplink import Uplink

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class Parts:
    """What commands work with."""

    device: "Device"
    service: CameraService
    uplink: "Uplink"
    presence: "Presence"
    health: "Health"
    layout: Layout
    clock: Clock
    pulse: Pulse


class Context:
    """One run of one command.

    Attributes:
        parts: What there is to work with.
        command: What makes a recorded command happen once; None for one that is not recorded.
        was_replayed: Whether the service repeated an answer that it had given before.
        afterwards: What remains to be done when the answer has been delivered.
    """

    def __init__(self, parts: Parts, command: envelope.Command | None, limit: Seconds) -> None:
        """Begin a run; `limit` holds for each question to the service."""
        self.parts = parts
        self.command = command
        self.was_replayed = False
        self.afterwards: list[Callable[[], Awaitable[None]]] = []
        self._limit = limit

    async def call(
        self, method: str, result: type[ResultT], params: protocol.Params | None = None
    ) -> ResultT:
        """Ask the camera service.

        Raises:
            CinepiError: What it answered, or that there is none.
        """
        response = await self.parts.service.request(
            method, params, command=self.command, limit=self._limit
        )
        self.was_replayed = response.replayed
        if response.error is not None:
            raise error_from(response.error)
        return msgspec.json.decode(response.result, type=result)


def _as_it_is(result: Any) -> Any:
    return result


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command.

    Attributes:
        summary: One sentence.
        arguments: Type of its arguments; unknown keys are mistakes.
        result: Type of what `run` returns. For a recorded command it is what the camera service
            answers, since the answer may have to be made again from the journal.
        run: Does it.
        say: Puts the result into words for people.
        present: Makes `data` of the answer from the result, where it is not the result itself.
        lane: What it works on; commands of one lane run one after the other, in order.
        max_age_s: Older than this it is not done any more; None: it is right at any age.
        limit_s: How long the camera service may take.
        is_recorded: Whether it changes something, so that the journal makes it happen once.
        is_broadcast: Whether it is also taken from groups and from `_all`.
        is_spread: Whether a broadcast's random delay comes before the work, because the work is
            what would be too much at once, and not only before the answer.
        plain_key: The argument that a payload without JSON stands for.
        inner: JSON pointer that the service puts before the arguments when it names one.
    """

    summary: str
    arguments: type[protocol.Params]
    result: Any
    run: Callable[[Context, Any], Awaitable[Any]]
    say: Callable[[Any], str]
    present: Callable[[Any], Any] = _as_it_is
    lane: str | None = None
    max_age_s: Seconds | None = None
    limit_s: Seconds = ANSWER_LIMIT
    is_recorded: bool = False
    is_broadcast: bool = False
    is_spread: bool = False
    plain_key: str | None = None
    inner: str = ""


def passed_on(method: str, result: Any) -> Callable[[Context, Any], Awaitable[Any]]:
    """The `run` of a command that the camera service does as it stands."""

    async def run(context: Context, arguments: protocol.Params) -> Any:
        return await context.call(method, result, arguments)

    return run
