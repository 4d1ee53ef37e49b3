"""A flood: what comes beyond all that can be in work is told so, at little cost."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import NamedTuple

from cinepi.errors import BusyError
from cinepi.logs.setup import logger
from cinepi.units import Bytes
from cinepid.commands._answer import failure
from cinepid.commands._delivery import Delivery
from cinepid.message import Incoming
from cinepid.payloads import ReplyTo

MAX_WAITING: Bytes = 4 * 1024 * 1024
"""What waits to be told, about 8000 messages. Our receive maximum keeps a broker below all of this,
but mosquitto 2.0.11 forgets it when we come back, and sends its whole queue for us: 1000."""
AT_ONCE = 50
"""So many are told side by side: one after the other is slow where the broker is far away."""

_ENTRY: Bytes = 512  # beside what its sender may make as long as MQTT lets him

_log = logger("commands")


class _TurnedAway(NamedTuple):
    """All that is kept of a message."""

    id: str
    reply_to: ReplyTo
    acknowledge: Callable[[], None]

    @property
    def size(self) -> Bytes:
        """At most so much memory."""
        return _ENTRY + len(self.reply_to.topic or "") + len(self.reply_to.correlation or b"")


class Overflow:
    """Answers `busy`; one task for all."""

    def __init__(self, delivery: Delivery) -> None:
        """Be ready to `turn_away`."""
        self._delivery = delivery
        self._waiting: deque[_TurnedAway] = deque()
        self._bytes: Bytes = 0
        self._is_telling = False
        self._busy = 0
        self._dropped = 0

    def turn_away(
        self, command_id: str, reply_to: ReplyTo, incoming: Incoming
    ) -> Coroutine[None, None, None] | None:
        """Have a message answered; one too many even for that is acknowledged and dropped.

        Returns:
            The work of it, if it is not under way already.
        """
        if not self._busy and not self._dropped:
            _log.error("flood of commands: telling some that it is busy", command=reply_to.command)
        message = _TurnedAway(command_id, reply_to, incoming.acknowledge)
        room = MAX_WAITING if incoming.qos else MAX_WAITING // 2  # nothing holds back QoS 0
        if self._bytes + message.size > room:
            self._dropped += 1
            incoming.acknowledge()
            return None
        self._busy += 1
        self._bytes += message.size
        self._waiting.append(message)
        if self._is_telling:
            return None
        self._is_telling = True
        return self._tell_all()

    def end(self) -> None:
        """Say how much it was."""
        if self._busy or self._dropped:
            _log.error("the flood is over", busy=self._busy, dropped=self._dropped)
            self._busy = self._dropped = 0

    async def _tell_all(self) -> None:
        try:
            while self._waiting:
                count = min(AT_ONCE, len(self._waiting))
                some = [self._waiting.popleft() for _ in range(count)]
                await asyncio.gather(*(self._tell(message) for message in some))
                self._bytes -= sum(message.size for message in some)
        finally:
            self._is_telling = False

    async def _tell(self, message: _TurnedAway) -> None:
        error = BusyError("too many commands at once; send it again later, with the same id")
        name = message.reply_to.command
        await self._delivery.say(failure(message.id, name, error), message.reply_to)
        message.acknowledge()
