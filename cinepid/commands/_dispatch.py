"""The way of a command: read, judged, done in its turn, answered once, acknowledged."""

import asyncio
import random
from collections import deque
from collections.abc import Coroutine
from contextlib import suppress
from math import inf

import msgspec

from cinepi import envelope
from cinepi.errors import (
    CinepiError,
    ConflictError,
    ExpiredError,
    InternalError,
    RetainedCommandError,
)
from cinepi.logs.setup import logger
from cinepi.recorded import FindRequestParams, FindRequestResult, RefuseParams
from cinepi.units import MonotonicTime, Seconds
from cinepid import topics
from cinepid.commands._age import last_moment
from cinepid.commands._answer import failure, first_answer, success
from cinepid.commands._contract import Context, Parts
from cinepid.commands._delivery import Delivery
from cinepid.commands._lanes import Lanes
from cinepid.commands._once import Entry, Once
from cinepid.commands._overflow import Overflow
from cinepid.commands._request import Refusal, Request, read
from cinepid.message import Incoming, Outgoing
from cinepid.payloads import Answer

FIRST_ANSWER_AFTER: Seconds = 1.0
"""Work that takes longer says so."""
HANGS_AFTER: Seconds = 600.0
"""Beyond its own limit: all that a command waits for ends by itself long before."""
MAX_TASKS = 200
"""Messages in work, twice our receive maximum; see `Overflow` for what comes beyond."""
MAX_EXPLAINED = 100
"""Retained commands that are remembered, so that each is explained once."""
ECHO_LIMIT: Seconds = 10.0
"""What we publish comes back within this time, or not at all."""

_log = logger("commands")


class Dispatcher:
    """Takes every message on a command topic."""

    def __init__(self, parts: Parts) -> None:
        """Be ready to `receive`."""
        self._parts = parts
        self._once = Once()
        self._lanes = Lanes()
        self.delivery = Delivery(parts, self._once)
        self._tasks: set[asyncio.Task[None]] = set()
        self._explained: deque[int] = deque(maxlen=MAX_EXPLAINED)
        self._clearing: dict[str, MonotonicTime] = {}
        self._overflow = Overflow(self.delivery)

    def receive(self, incoming: Incoming, address: topics.Address) -> None:
        """Take a message; never raises, never blocks."""
        if not self._is_for_us(address) or self._is_clearing(incoming):
            incoming.acknowledge()
            return
        read_request = read(incoming, address)
        if isinstance(read_request, Request) and not self._is_matched(read_request):
            incoming.acknowledge()
        elif len(self._tasks) >= MAX_TASKS:
            self._turn_away(read_request)
        elif isinstance(read_request, Refusal):
            self._spawn(self._refuse(read_request), f"refuse {address.path}")
        else:
            self._spawn(self._handle(read_request), f"command {read_request.name}")

    async def close(self) -> None:
        """Give up what is under way; what the journal has is answered after the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _is_for_us(self, address: topics.Address) -> bool:
        device = self._parts.device
        if address.group is not None:
            return address.group in device.groups.names
        return address.device in (None, device.id)

    def _is_clearing(self, incoming: Incoming) -> bool:
        """Whether somebody clears a retained command, which is no command.

        Before MQTT 5 a clearing comes without a flag, just like a button's message: our own is
        expected soon, and that of a command to all or to a group, which others clear, whenever.
        """
        if incoming.payload:
            return False
        until = self._clearing.pop(incoming.topic, None)
        is_echo = until is not None and self._parts.clock.monotonic() < until
        return incoming.retain or is_echo

    def _is_matched(self, request: Request) -> bool:
        match = request.reserved.match
        if match is None:
            return True
        device = self._parts.device
        return match.version in (None, device.version) and (
            match.tag is None or match.tag in device.tags
        )

    def _turn_away(self, message: Request | Refusal) -> None:
        """Answer `busy`, unless it has its answer already or is under way and so will get one."""
        incoming = message.incoming
        known = self._once.find(message.id)
        is_delivered = known is not None and known.is_delivered
        if incoming.dup and (is_delivered or self.delivery.was_told(message.id)):
            incoming.acknowledge()
        elif known is None or known.finished.done():
            work = self._overflow.turn_away(message.id, message.reply_to, incoming)
            if work is not None:
                self._spawn(work, "overflow")
        elif incoming.dup:
            known.copies.append(incoming.acknowledge)
        else:
            incoming.acknowledge()

    def _spawn(self, work: Coroutine[None, None, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not self._tasks:
            self._overflow.end()
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a command could not be answered", exc_info=error)

    async def _refuse(self, refusal: Refusal) -> None:
        """Say why a message is no command; once, if it is one that comes again and again."""
        incoming = refusal.incoming
        if not isinstance(refusal.error, RetainedCommandError):
            await self._send_refusal(refusal)
        else:
            sight = hash((incoming.topic, incoming.payload))
            if sight not in self._explained:
                self._explained.append(sight)
                if not await self._send_refusal(refusal):
                    with suppress(ValueError):  # a hundred others have come meanwhile
                        self._explained.remove(sight)
            connection = self._parts.uplink.connection
            if self._parts.device.topics.is_own_command(incoming.topic):
                await self._clear(incoming.topic)
            elif connection is not None and connection.protocol != "5.0":
                self._expect_clearing(incoming.topic, inf)  # by whoever it belongs to
        incoming.acknowledge()

    async def _send_refusal(self, refusal: Refusal) -> bool:
        name = refusal.reply_to.command
        _log.warning("refused", command=name, reason=str(refusal.error)[:500])
        if refusal.is_broadcast:
            await asyncio.sleep(random.random())  # noqa: S311
        self._parts.presence.say_truth(name)
        return await self.delivery.say(failure(refusal.id, name, refusal.error), refusal.reply_to)

    async def _clear(self, topic: str) -> None:
        self._expect_clearing(topic, ECHO_LIMIT)
        try:
            await self._parts.uplink.publish(Outgoing(topic=topic, payload=b"", retain=True))
        except CinepiError as error:
            _log.warning("a retained command stays", topic=topic[:100], reason=str(error))

    def _expect_clearing(self, topic: str, within: Seconds) -> None:
        now = self._parts.clock.monotonic()
        self._clearing = {each: until for each, until in self._clearing.items() if until > now}
        self._clearing[topic] = now + within
        if len(self._clearing) > MAX_EXPLAINED:
            del self._clearing[next(iter(self._clearing))]

    async def _handle(self, request: Request) -> None:
        command_id = request.id
        if request.auto_prefix and request.incoming.dup:
            try:
                command_id = await self._known_id(request) or command_id
            except CinepiError as error:
                await self._say_failure(request, command_id, error)
                return
        if request.incoming.dup and self.delivery.was_told(command_id):
            request.incoming.acknowledge()  # the broker does not know: we died before we said so
            return
        known = self._once.find(command_id)
        if known is not None:
            await self._repeat(request, command_id, known)
            return
        entry = self._once.begin(
            command_id,
            request.fingerprint,
            self._parts.clock.monotonic(),
            is_recorded=request.command.is_recorded,
        )
        self.delivery.expect(command_id)
        try:
            await self._hold_back(request, is_before=True)
            answer, context = await self._run(request, command_id)
            if answer.error is not None:
                self._parts.presence.say_truth(request.name)
            if answer.error is None or not answer.error.retryable:
                self._once.finish(command_id, answer)
            await self._hold_back(request, is_before=False)
            await self._deliver(request, command_id, entry, answer)
            await self._finish(request, context)
        finally:
            if entry.answer is None:  # given up, or the same command may be tried again
                self._once.drop(command_id)

    async def _finish(self, request: Request, context: Context) -> None:
        try:
            for remaining in context.afterwards:
                await remaining()
        except CinepiError as error:
            _log.warning("left unfinished", command=request.name, reason=str(error))

    async def _hold_back(self, request: Request, *, is_before: bool) -> None:
        """The random delay of a broadcast, before the work or before its answer."""
        if request.spread_s and request.command.is_spread == is_before:
            await asyncio.sleep(random.random() * request.spread_s)  # noqa: S311

    async def _repeat(self, request: Request, command_id: str, known: Entry) -> None:
        """The same id again: from the broker, which may not know better, or from the sender."""
        if known.fingerprint != request.fingerprint:
            error = ConflictError(f"the id {command_id} was used for another command already")
            await self._say_failure(request, command_id, error)
        elif request.incoming.dup and not known.finished.done():
            known.copies.append(request.incoming.acknowledge)
        else:
            await asyncio.shield(known.finished)
            if known.answer is None:
                await self._handle(request)
            else:
                is_asked_again = not request.incoming.dup
                answer = msgspec.structs.replace(known.answer, replayed=is_asked_again)
                await self._deliver(request, command_id, known, answer, again=is_asked_again)

    async def _deliver(
        self,
        request: Request,
        command_id: str,
        entry: Entry,
        answer: Answer,
        *,
        again: bool = False,
    ) -> None:
        """Send the final answer; only then need the broker not deliver the command again."""
        if await self.delivery.deliver(command_id, entry, answer, request.reply_to, again=again):
            request.incoming.acknowledge()
            copies, entry.copies = entry.copies, []  # the broker may use their packet ids again
            for acknowledge in copies:
                acknowledge()

    async def _say_failure(self, request: Request, command_id: str, error: CinepiError) -> None:
        await self.delivery.say(failure(command_id, request.name, error), request.reply_to)
        request.incoming.acknowledge()

    async def _known_id(self, request: Request) -> str | None:
        """The id that a command without one was given when it came first."""
        known = self._once.find_prefix(request.auto_prefix)
        if known is not None or not request.command.is_recorded:
            return known
        found = await self._parts.service.call(
            "requests.find",
            FindRequestResult,
            FindRequestParams(prefix=request.auto_prefix),
        )
        return found.id

    async def _run(self, request: Request, command_id: str) -> tuple[Answer, Context]:
        command = request.command
        recorded = None
        if command.is_recorded:
            recorded = envelope.Command(
                id=command_id,
                fingerprint=request.fingerprint,
                context=msgspec.json.encode(request.reply_to).decode(),
            )
        context = Context(self._parts, recorded, command.limit_s)
        patience = command.limit_s + HANGS_AFTER
        slow = asyncio.get_running_loop().call_later(
            FIRST_ANSWER_AFTER,
            lambda: self._spawn(self._send_first(request, command_id), "first answer"),
        )
        warnings: tuple[str, ...] = ()
        try:
            last, warnings = await self._last_moment(request, context)
            async with self._lanes.place(command.lane):
                self._check_still_wanted(request, last)
                with self._parts.pulse.work(f"command {request.name}", patience):
                    result = await command.run(context, request.arguments)
            answer = success(command_id, request.name, command, result)
        except CinepiError as error:
            answer = failure(command_id, request.name, error, command.inner)
        except Exception:  # noqa: BLE001 - no command may end the daemon
            _log.exception("a command failed", command=request.name)
            failed = InternalError(f"{request.name} failed; the log of the daemon says why")
            answer = failure(command_id, request.name, failed)
        finally:
            slow.cancel()
        if warnings or context.was_replayed:
            answer = msgspec.structs.replace(
                answer,
                warnings=warnings,
                replayed=context.was_replayed and not request.incoming.dup,
            )
        return answer, context

    async def _last_moment(
        self, request: Request, context: Context
    ) -> tuple[MonotonicTime | None, tuple[str, ...]]:
        """See `last_moment`; what is done already, or under way, is never too late to be answered.

        And what was too late once stays so: we may die before the broker knows that we have the
        command, and then it comes as one that had reached us in time.
        """
        try:
            return last_moment(request, self._parts.clock)
        except ExpiredError as error:
            if context.command is None:
                raise
            params = RefuseParams(message=str(error))
            await context.call("requests.refuse", msgspec.Raw, params)
            return None, ()

    def _check_still_wanted(self, request: Request, last: MonotonicTime | None) -> None:
        if last is not None and self._parts.clock.monotonic() > last:
            raise ExpiredError(f"{request.name} waited too long for its turn and was not done")

    async def _send_first(self, request: Request, command_id: str) -> None:
        await self.delivery.say(first_answer(command_id, request.name), request.reply_to)
