"""Answers: made, sent to where they are wanted, and confirmed to the journal."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

import msgspec

from cinepi.client import error_from
from cinepi.envelope import NO_RESULT, WireError
from cinepi.errors import CinepiError, Problem, TooLargeError
from cinepi.logs.setup import logger
from cinepi.units import Bytes
from cinepid.commands._contract import Command
from cinepid.connection import Connection
from cinepid.errors import BrokerError
from cinepid.message import Outgoing
from cinepid.payloads import Answer, AnswerError, ReplyTo
from cinepid.topics import Topics
from cinepid.uplink import Uplink

MAX_BYTES: Bytes = 64 * 1024
"""Longest answer: every broker and cloud service takes that much."""
ROOM: Bytes = MAX_BYTES - 4096
"""For what an answer lists; the rest is for all else in it."""
SHORT = 500
"""Characters of an error that a broker with a small limit still gets."""
PATIENCE = 2
"""So many times may a connection break over a response topic, until an answer goes without it:
some brokers hang up on a topic that they do not like, and would for ever."""
MAX_SUSPECTS = 100

_CUTS_OFF = "the broker hangs up when it is used"
_log = logger("commands")

ItemT = TypeVar("ItemT")


class Outcome(msgspec.Struct, frozen=True):
    """What the journal keeps of a finished command: one of the two."""

    result: msgspec.Raw = NO_RESULT
    error: WireError | None = None


def fitting(items: Sequence[ItemT]) -> tuple[ItemT, ...]:
    """As many from the front as fit into one answer."""
    room = ROOM
    for number, item in enumerate(items):
        room -= len(msgspec.json.encode(item)) + 1
        if room < 0:
            return tuple(items[:number])
    return tuple(items)


def first_answer(command_id: str, name: str) -> Answer:
    """It takes longer than a moment."""
    return Answer(id=command_id, command=name, final=False, message="Under way")


def success(command_id: str, name: str, command: Command, result: Any) -> Answer:
    """It is done."""
    data = msgspec.Raw(msgspec.json.encode(command.present(result)))
    if len(data) > MAX_BYTES - 1024:
        message = f"the answer would have {len(data)} bytes; ask for less at a time"
        return failure(command_id, name, TooLargeError(message))
    return Answer(
        id=command_id,
        command=name,
        final=True,
        success=True,
        message=command.say(result),
        data=data,
    )


def failure(command_id: str, name: str, error: CinepiError, inner: str = "") -> Answer:
    """It was not done; `inner` is left out in front of the pointers to arguments."""
    if inner and error.problems:
        problems = (Problem(p.field.removeprefix(inner), p.message) for p in error.problems)
        error = type(error)(str(error), *problems)
    return Answer(
        id=command_id, command=name, final=True, success=False, error=AnswerError.of(error)
    )


def stored(command_id: str, name: str, command: Command, outcome: bytes) -> Answer:
    """The answer that the journal kept, in the words of the present version."""
    kept = msgspec.json.decode(outcome, type=Outcome)
    if kept.error is not None:
        return failure(command_id, name, error_from(kept.error), command.inner)
    result = msgspec.json.decode(kept.result, type=command.result)
    return success(command_id, name, command, result)


class Sender:
    """Publishes answers."""

    def __init__(self, topics: Topics, uplink: Uplink) -> None:
        """Send from the device with these topics."""
        self._topics = topics
        self._uplink = uplink
        self._cut_off: Counter[str] = Counter()
        self._broken: Connection | None = None
        self._blamed: set[str] = set()

    async def send(self, answer: Answer, reply_to: ReplyTo) -> bool:
        """Send an answer; True once the broker has it, False if the connection was lost."""
        own = self._topics.response(reply_to.command)
        wanted = [own]
        if reply_to.topic is not None and reply_to.topic != own:
            if self._cut_off[reply_to.topic] < PATIENCE:
                wanted.append(reply_to.topic)
            else:
                _log.warning("an answer left out", topic=reply_to.topic, reason=_CUTS_OFF)
        is_risky = False
        connection = self._uplink.connection
        try:
            sent = [self._publish(topic, answer, reply_to.correlation) for topic in wanted]
            is_risky = wanted[-1] != own and not sent[-1].done()
            for each in sent:
                await self._confirm(each, answer)
        except BrokerError as error:
            if is_risky:
                self._suspect(wanted[-1], connection)
            _log.info("an answer has to wait", command=answer.command, reason=str(error))
            return False
        if reply_to.topic is not None:
            self._cut_off.pop(reply_to.topic, None)  # the next answer may be luckier
        return True

    def _publish(
        self, topic: str, answer: Answer, correlation: bytes | None
    ) -> asyncio.Future[None]:
        """Send it to one topic, or the part of it that the broker takes."""
        message = Outgoing(
            topic=topic, payload=msgspec.json.encode(answer), correlation=correlation
        )
        sent = self._uplink.publish(message)
        if not sent.done() or not isinstance(error := sent.exception(), TooLargeError):
            return sent
        _log.warning("an answer is too large", command=answer.command, reason=str(error))
        return self._uplink.publish(
            replace(message, payload=msgspec.json.encode(_shorter(answer, error)))
        )

    async def _confirm(self, sent: asyncio.Future[None], answer: Answer) -> None:
        try:
            await sent
        except BrokerError:
            raise
        except CinepiError as error:  # the broker lets us not; asking again will not help
            _log.warning("an answer was refused", command=answer.command, reason=str(error))

    def _suspect(self, topic: str, connection: Connection | None) -> None:
        """The connection broke while answers to a stranger's topic were on their way."""
        if connection is not self._broken:
            self._broken, self._blamed = connection, set()
        if topic in self._blamed:  # many answers, but one break
            return
        self._blamed.add(topic)
        if len(self._cut_off) > MAX_SUSPECTS:
            self._cut_off.clear()
        self._cut_off[topic] += 1


def _shorter(answer: Answer, error: TooLargeError) -> Answer:
    """What can be said where there is little room."""
    if answer.error is None:
        return failure(answer.id, answer.command, error)
    gist = msgspec.structs.replace(
        answer.error, message=answer.error.message[:SHORT], problems=answer.error.problems[:1]
    )
    return msgspec.structs.replace(answer, error=gist)
