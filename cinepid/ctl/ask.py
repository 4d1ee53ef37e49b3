"""One command to some devices: sent once, answers collected until a deadline.

The same `id` goes to all, so that a repeat for those that were silent is no second command: a
device that did it all the same only answers again.
"""

import asyncio
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from cinepi.clock import rfc3339
from cinepi.errors import InvalidArgumentError
from cinepi.units import Bytes, MonotonicTime, Seconds, WallTime
from cinepid import topics
from cinepid.ctl.documents import Answer
from cinepid.ctl.fleet import Device
from cinepid.ctl.link import Link
from cinepid.ctl.target import Targets
from cinepid.decode import decoded
from cinepid.message import Incoming

MAX_BYTES: Bytes = 128 * 1024
"""Longest answer that is read; the contract allows 64 KiB."""
BROADCAST = frozenset(
    {
        "session/start",
        "session/stop",
        "snapshot/take",
        "system/ping",
        "system/republish",
        "config/validate",
    }
)
"""Commands that all devices take at once: those with `is_broadcast` in `cinepid/commands`."""
SPREAD_EACH: Seconds = 0.001
"""A thousand answers in a second are what any broker and any client can swallow."""
SHORTEST_SPREAD: Seconds = 0.05
_IN_FLIGHT = 200  # commands sent one by one
_CROWD = 100
"""Of so many answers at once a broker may drop some (`max_queued_messages`), without a word."""
_HARMLESS_LATE = frozenset({"session/stop"})  # stopping is right at any age

_ANSWER = msgspec.json.Decoder(Answer)
_ANY = msgspec.json.Decoder()


@dataclass(frozen=True, slots=True)
class Command:
    """What to ask for.

    Attributes:
        name: Such as `session/start`.
        arguments: Its own.
        timeout: How long to wait for answers, from the end of the devices' random delay on.
        id: Makes it happen once.
    """

    name: str
    arguments: Mapping[str, object] = field(default_factory=dict)
    timeout: Seconds = 5.0
    id: str = field(default_factory=lambda: os.urandom(6).hex())


@dataclass(frozen=True, slots=True)
class Reply:
    """A final answer.

    Attributes:
        device: Who.
        answer: What.
        after: How long it took from sending on.
        is_expected: False for a device that nobody knew.
        heard_at: The time here when it came.
    """

    device: str
    answer: Answer
    after: Seconds
    is_expected: bool = True
    heard_at: WallTime = 0.0

    @property
    def has_done_it(self) -> bool:
        """Whether it did what was asked for."""
        return self.answer.success is True

    def data(self) -> Any:
        """The answer's data as plain values; None where it has none that can be read."""
        return decoded(_ANY, self.answer.data or b"null")


@dataclass(slots=True)
class Outcome:
    """What became of a command.

    Attributes:
        command: What was asked for.
        expected: Who should have answered.
        replies: The first final answer of each device, in the order of their coming.
        twice: Devices that gave two different final answers.
        spread: How long devices were told to hold their answers back at most.
        asked_again: Those of a crowd that were asked once more, by name and under the same id, as
            their answer to the message for all may have been dropped on its way.
    """

    command: Command
    expected: tuple[Device, ...]
    replies: dict[str, Reply] = field(default_factory=dict)
    twice: set[str] = field(default_factory=set)
    spread: Seconds = 0.0
    asked_again: set[str] = field(default_factory=set)

    @property
    def done(self) -> list[Reply]:
        """Those that did it."""
        return [reply for reply in self.replies.values() if reply.has_done_it]

    @property
    def failed(self) -> list[Reply]:
        """Those that could not."""
        return [reply for reply in self.replies.values() if not reply.has_done_it]

    @property
    def silent(self) -> list[Device]:
        """Those that did not answer."""
        return [device for device in self.expected if device.id not in self.replies]


async def ask(
    link: Link,
    command: Command,
    devices: Iterable[Device],
    targets: Targets | None = None,
    on_reply: Callable[[Reply], None] = lambda _: None,
) -> Outcome:
    """Send a command and wait for the answers.

    Returns as soon as all that are online have answered, or at the deadline.

    Args:
        link: The connection.
        command: What to ask for.
        devices: Who is meant.
        targets: How they were named: `--all` and one `--group` are one message where possible.
        on_reply: Hears each final answer as it comes.

    Raises:
        BrokerError: The connection was lost.
        CinepiError: The broker does not let us, or the command is too long.
    """
    outcome = Outcome(command, tuple(devices))
    collector = _Collector(outcome, on_reply)
    link.hearers.append(collector.hear)
    owners, is_broadcast = _owners(command, outcome.expected, targets)
    try:
        await link.listen(
            topics.of_every_device("response", *command.name.split("/")), qos=1, with_retained=False
        )
        if is_broadcast:
            outcome.spread = max(SHORTEST_SPREAD, len(outcome.expected) * SPREAD_EACH)
        payload = _payload(outcome, is_broadcast=is_broadcast)
        collector.began = asyncio.get_running_loop().time()
        await _send(link, owners, payload)
        limit = command.timeout + outcome.spread
        if is_broadcast and len(outcome.expected) >= _CROWD:
            limit = command.timeout / 2
            await collector.wait(link, limit + outcome.spread)
            outcome.asked_again = set(collector.awaited)
            path = tuple(command.name.split("/"))
            each = [topics.Address(device=n, channel="cmd", path=path) for n in collector.awaited]
            await _send(link, each, _payload(outcome, is_broadcast=False))
        await collector.wait(link, limit)
    finally:
        link.hearers.remove(collector.hear)
    return outcome


async def _send(link: Link, owners: list[topics.Address], payload: bytes) -> None:
    for start in range(0, len(owners), _IN_FLIGHT):
        batch = owners[start : start + _IN_FLIGHT]
        await asyncio.gather(*(link.command(owner, payload) for owner in batch))


def instant(text: str | None, wall: WallTime) -> str | None:
    """A time as devices want it; `+2` and `+2s` mean from now on."""
    if text is None or not text.startswith("+"):
        return text
    try:
        return rfc3339(wall + float(text[1:].removesuffix("s")))
    except ValueError as error:
        message = f"a time must look like +2s or 2026-11-23T09:30:00Z, not {text!r}"
        raise InvalidArgumentError.at("/at", message) from error


class _Collector:
    """Takes answers until all are there."""

    def __init__(self, outcome: Outcome, on_reply: Callable[[Reply], None]) -> None:
        self._outcome = outcome
        self._on_reply = on_reply
        self._expected = {device.id for device in outcome.expected}
        self.awaited = {device.id for device in outcome.expected if device.is_online}
        self._complete = asyncio.Event()
        self.began: MonotonicTime = asyncio.get_running_loop().time()

    def hear(self, message: Incoming) -> None:
        """Take a message, if it is an answer to this command."""
        try:
            address = topics.parse(message.topic)
        except InvalidArgumentError:
            return
        command = self._outcome.command
        if address.channel != "response" or "/".join(address.path) != command.name:
            return
        device, answer = address.device, decoded(_ANSWER, message.payload, max_bytes=MAX_BYTES)
        if device is None or answer is None or answer.id != command.id or not answer.final:
            return
        known = self._outcome.replies.get(device)
        if known is not None:
            if not answer.replayed and answer.success != known.answer.success:
                self._outcome.twice.add(device)
            return
        if device in self._outcome.asked_again and answer.replayed:
            answer = msgspec.structs.replace(answer, replayed=False)
        after = asyncio.get_running_loop().time() - self.began
        is_expected = device in self._expected
        reply = Reply(device, answer, after, is_expected=is_expected, heard_at=time.time())
        self._outcome.replies[device] = reply
        self._on_reply(reply)
        self.awaited.discard(device)
        if not self.awaited:
            self._complete.set()

    async def wait(self, link: Link, limit: Seconds) -> None:
        """Wait until all that are online have answered, for at most `limit`."""
        if not self.awaited and self._expected:
            self.awaited = set(self._expected)  # nobody says it is there: give all their chance
        complete = asyncio.ensure_future(self._complete.wait())
        try:
            waiting: set[asyncio.Future[Any]] = {complete, link.connection.lost}
            await asyncio.wait(waiting, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        finally:
            complete.cancel()
        if link.connection.lost.done() and not self._complete.is_set():
            raise link.connection.lost.result()


def _owners(
    command: Command, devices: tuple[Device, ...], targets: Targets | None
) -> tuple[list[topics.Address], bool]:
    """Whom to address: everyone or a group in one message if the devices allow, else each."""
    path = tuple(command.name.split("/"))
    if command.name in BROADCAST and targets is not None and not targets.matches:
        if targets.is_all and not targets.groups:
            return [topics.Address(channel="cmd", path=path)], True
        if len(targets.groups) == 1 and not targets.names:
            return [topics.Address(group=targets.groups[0], channel="cmd", path=path)], True
    return [topics.Address(device=device.id, channel="cmd", path=path) for device in devices], False


def _payload(outcome: Outcome, *, is_broadcast: bool) -> bytes:
    command = outcome.command
    content: dict[str, object] = {"id": command.id, **command.arguments}
    if command.name not in _HARMLESS_LATE:
        content["ttl_s"] = round(command.timeout + outcome.spread, 3)
    if is_broadcast:
        content["spread_ms"] = round(outcome.spread * 1000)
    return msgspec.json.encode(content)
