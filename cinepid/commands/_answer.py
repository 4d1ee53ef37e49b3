"""Answers: made, sent to where they are wanted, and confirmed to the journal."""

import asyncio
from typing import Any

import msgspec

from cinepi.client import error_from
from cinepi.envelope import NO_RESULT, WireError
from cinepi.errors import CinepiError, Problem, TooLargeError
from cinepi.logs.setup import logger
from cinepi.units import Bytes
from cinepid.commands._contract import Command
from cinepid.errors import BrokerError
from cinepid.message import Outgoing
from cinepid.payloads import Answer, AnswerError, ReplyTo
from cinepid.topics import Topics
from cinepid.uplink import Uplink

MAX_BYTES: Bytes = 64 * 1024
"""Longest answer: every broker and cloud service takes that much."""

_log = logger("commands")


class Outcome(msgspec.Struct, frozen=True):
    """What the journal keeps of a finished command: one of the two."""

    result: msgspec.Raw = NO_RESULT
    error: WireError | None = None


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

    async def send(self, answer: Answer, reply_to: ReplyTo) -> bool:
        """Send an answer; True once the broker has it, False if the connection was lost."""
        payload = msgspec.json.encode(answer)
        own = self._topics.response(reply_to.command)
        messages = [Outgoing(topic=own, payload=payload, correlation=reply_to.correlation)]
        if reply_to.topic is not None and reply_to.topic != own:
            messages.append(
                Outgoing(topic=reply_to.topic, payload=payload, correlation=reply_to.correlation)
            )
        try:
            sent = [self._uplink.publish(message) for message in messages]
            for each in sent:
                await self._confirm(each, answer, reply_to)
        except BrokerError as error:
            _log.info("an answer has to wait", command=answer.command, reason=str(error))
            return False
        return True

    async def _confirm(self, sent: asyncio.Future[None], answer: Answer, reply_to: ReplyTo) -> None:
        try:
            await sent
        except TooLargeError as error:
            _log.warning("an answer is too large", command=answer.command, reason=str(error))
            if answer.data is not None:
                await self.send(failure(answer.id, answer.command, error), reply_to)
        except BrokerError:
            raise
        except CinepiError as error:  # the broker lets us not; asking again will not help
            _log.warning("an answer was refused", command=answer.command, reason=str(error))
