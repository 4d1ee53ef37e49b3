"""Answers reach their senders once, also those that a crash or a lost connection kept back."""

import asyncio

import msgspec

from cinepi.errors import CinepiError
from cinepi.logs.seldom import Seldom
from cinepi.logs.setup import logger
from cinepi.protocol import WatchResult
from cinepi.recorded import AnsweredParams, Unanswered, UnansweredParams, UnansweredResult
from cinepi.units import Seconds
from cinepid.commands._answer import Sender, stored
from cinepid.commands._contract import Parts
from cinepid.commands._once import Entry, Once
from cinepid.commands._registry import commands
from cinepid.commands._told import Told
from cinepid.payloads import Answer, ReplyTo
from cinepid.pulse import Pulse

BATCH: Seconds = 0.1
"""Confirmations are gathered for so long: they are cheap, but one request each is not."""
CONFIRM_LIMIT: Seconds = 5.0
ANSWER_HANGS: Seconds = 120.0
"""By then the broker has an answer, or is known not to acknowledge any more."""

_log = logger("delivery")


class _Confirmed(msgspec.Struct, frozen=True):
    """The camera service's answer to `requests.answered`."""


class Delivery:
    """Sends answers, and tells the journal which of them the broker has."""

    def __init__(self, parts: Parts, once: Once) -> None:
        """Be ready to `deliver`; `run` does the rest."""
        self._parts = parts
        self._sender = Sender(parts.device.topics, parts.uplink)
        self._once = once
        self._told = Told(parts.layout.daemon_state.with_suffix(".told"), parts.clock.monotonic())
        self._wake = asyncio.Event()
        self._is_due = False
        self._seldom = Seldom(parts.clock)
        self._confirmed: dict[str, bool] = {}

    async def deliver(
        self, command_id: str, entry: Entry, answer: Answer, reply_to: ReplyTo, *, again: bool
    ) -> bool:
        """Send a final answer; True once the broker has it, False if the connection was lost.

        What has been delivered already is sent only if `again` is set: its sender asked twice.
        """
        async with entry.delivering:
            if entry.is_delivered and not again:
                return True
            with self._parts.pulse.work("answer", ANSWER_HANGS):
                is_sent = await self._sender.send(answer, reply_to)
            if not is_sent:
                return False
            entry.is_delivered = True
        if entry.is_recorded:
            self._told.add(command_id, self._parts.clock.monotonic())
            # One that the service may end yet is remembered for longer.
            self._confirm(command_id, is_over=not (answer.error and answer.error.retryable))
        return True

    def was_told(self, command_id: str) -> bool:
        """Whether the broker has its final answer, and the journal may not know that yet."""
        return command_id in self._told

    def expect(self, command_id: str) -> None:
        """A command begins, perhaps once more: its sender waits for an answer."""
        self._told.discard([command_id])
        self._confirmed.pop(command_id, None)  # it was for the answer before this one

    async def say(self, answer: Answer, reply_to: ReplyTo) -> bool:
        """Send an answer that is not kept; True once the broker has it."""
        return await self._sender.send(answer, reply_to)

    def on_up(self, state: WatchResult) -> None:  # noqa: ARG002 - see `Listener`
        """The service is back."""
        self.look_again()

    def on_down(self, reason: str) -> None:
        """See `Listener.on_down`."""

    def on_state(self, topic: str, document: bytes) -> None:
        """See `Listener.on_state`."""

    def on_journal(self, last_seq: int) -> None:
        """See `Listener.on_journal`."""

    def look_again(self) -> None:
        """The broker or the service is back: there may be answers to deliver."""
        self._is_due = True
        self._wake.set()

    async def run(self, pulse: Pulse) -> None:
        """Deliver what was kept back, and confirm what was delivered, until cancelled."""
        while True:
            if await pulse.rest("delivery", self._wake):
                await asyncio.sleep(BATCH)
            self._wake.clear()
            try:
                if self._is_due and self._parts.service.is_up and self._parts.uplink.connection:
                    await self._deliver_unanswered()
                if self._confirmed and self._parts.service.is_up:
                    await self._send_confirmations()
            except CinepiError as error:
                if self._seldom.is_due(error.code):
                    _log.warning("answers have to wait", reason=str(error))

    async def close(self) -> None:
        """Tell the journal what was delivered last, if it is there to hear it."""
        if self._confirmed and self._parts.service.is_up:
            try:
                await self._send_confirmations()
            except CinepiError as error:
                _log.warning("some answers will come twice", reason=str(error))

    def _confirm(self, command_id: str, *, is_over: bool = True) -> None:
        self._confirmed[command_id] = is_over
        self._wake.set()

    async def _send_confirmations(self) -> None:
        confirmed, self._confirmed = self._confirmed, {}
        params = AnsweredParams(ids=tuple(confirmed))
        try:
            await self._parts.service.call(
                "requests.answered", _Confirmed, params, limit=CONFIRM_LIMIT
            )
        except CinepiError:
            self._confirmed = confirmed | self._confirmed
            raise
        self._told.discard(each for each, is_over in confirmed.items() if is_over)

    async def _deliver_unanswered(self) -> None:
        self._is_due = False
        after: int | None = 0
        while after is not None:
            try:
                page = await self._parts.service.call(
                    "requests.unanswered", UnansweredResult, UnansweredParams(after=after)
                )
            except CinepiError:
                self._is_due = True
                raise
            await self._deliver_page(page)
            after = page.next

    async def _deliver_page(self, page: UnansweredResult) -> None:
        for request in page.requests:
            self._parts.pulse.beat("delivery")
            command_id = request.command.id
            entry = self._once.find(command_id)
            if command_id in self._told:
                self._confirm(command_id)
            elif entry is None:
                await self._deliver_stored(request)
            elif entry.is_delivered:
                self._confirm(command_id)
            elif entry.answer is not None:
                await self.deliver(command_id, entry, entry.answer, _reply_to(request), again=False)

    async def _deliver_stored(self, request: Unanswered) -> None:
        command_id = request.command.id
        try:
            reply_to = _reply_to(request)
            command = commands()[reply_to.command]
            answer = stored(command_id, reply_to.command, command, bytes(request.outcome))
        except (msgspec.MsgspecError, KeyError) as error:  # from a version that knew other words
            _log.error("an answer cannot be made any more", id=command_id, reason=repr(error))
            self._confirm(command_id)
            return
        _log.info("delivering an answer late", command=reply_to.command, id=command_id)
        now = self._parts.clock.monotonic()
        entry = self._once.begin(command_id, request.command.fingerprint, now, is_recorded=True)
        self._once.finish(command_id, answer)
        await self.deliver(command_id, entry, answer, reply_to, again=False)


def _reply_to(request: Unanswered) -> ReplyTo:
    return msgspec.json.decode(request.command.context, type=ReplyTo)
