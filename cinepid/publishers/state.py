"""Retained documents: the newest of each topic, never a queue."""

import asyncio

from cinepi.clock import Clock, rfc3339
from cinepi.errors import CinepiError
from cinepi.logs.setup import logger
from cinepi.units import Milliseconds
from cinepid.connection import Connection
from cinepid.device import Device
from cinepid.errors import BrokerError
from cinepid.memory import Memory
from cinepid.message import Outgoing
from cinepid.payloads import Stamp, stamped
from cinepid.pulse import Pulse
from cinepid.uplink import Uplink

_log = logger("state")


class RetainedState:
    """Keeps the newest payload of each topic, and the broker up to date.

    Attributes:
        round_trip_ms: From sending the last document until the broker had it; None before.
    """

    def __init__(self, device: Device, uplink: Uplink, memory: Memory, clock: Clock) -> None:
        """Start with nothing to say."""
        self.round_trip_ms: Milliseconds | None = None
        self._device = device
        self._uplink = uplink
        self._memory = memory
        self._clock = clock
        self._documents: dict[str, bytes] = {}
        self._payloads: dict[str, bytes] = {}
        self._changed: set[str] = set()
        self._wake = asyncio.Event()
        self._is_silent = False

    def put(self, topic: str, document: bytes) -> None:
        """Say a document, a JSON object, with a new stamp; one that has not changed is not said."""
        if self._documents.get(topic) != document:
            self._documents[topic] = document
            self.put_raw(topic, stamped(self.stamp(), document))

    def put_raw(self, topic: str, payload: bytes) -> None:
        """Say a payload as it is."""
        self._payloads[topic] = payload
        self._changed.add(topic)
        self._wake.set()

    def repeat(self, topic: str) -> None:
        """Say a payload once more, for somebody who believes that it has changed."""
        if topic in self._payloads:
            self._changed.add(topic)
            self._wake.set()

    def stamp(self) -> Stamp:
        """A stamp that is newer than all before."""
        return Stamp(
            at=rfc3339(self._clock.wall()), boot=self._device.boot, seq=self._memory.take_seq()
        )

    def begin(self) -> None:
        """A connection begins: say what has changed while `say_all` was under way."""
        self._wake.set()

    async def say_all(self, connection: Connection) -> int:
        """Publish everything, and wait until the broker has it; returns the number of topics.

        Raises:
            ConnectionLostError: The connection ended first.
        """
        self._is_silent = False
        self._changed.clear()
        await self._publish(connection, list(self._payloads))
        return len(self._payloads)

    async def clear(self, connection: Connection) -> int:
        """Take every topic off the broker, and stay silent until `say_all`.

        Raises:
            ConnectionLostError: The connection ended first.
        """
        self._is_silent = True
        cleared = [
            connection.publish(Outgoing(topic=topic, payload=b"", retain=True))
            for topic in self._payloads
        ]
        for each in cleared:
            try:
                await each
            except BrokerError:
                raise
            except CinepiError as error:  # not allowed, as when it was said
                _log.warning("a document was not cleared", reason=str(error))
        return len(cleared)

    async def run(self, pulse: Pulse) -> None:
        """Publish what changes, until cancelled."""
        while True:
            await pulse.rest("state", self._wake)
            self._wake.clear()
            connection = self._uplink.connection
            if connection is None or not self._uplink.online.is_set() or self._is_silent:
                continue  # `begin` will say it
            topics, self._changed = list(self._changed), set()
            try:
                await self._publish(connection, topics)
            except BrokerError as error:
                _log.debug("state has to wait", reason=str(error))

    async def _publish(self, connection: Connection, topics: list[str]) -> None:
        began = self._clock.monotonic()
        sent = {
            topic: connection.publish(
                Outgoing(topic=topic, payload=self._payloads[topic], retain=True)
            )
            for topic in topics
        }
        for number, (topic, done) in enumerate(sent.items()):
            try:
                await done
            except BrokerError:
                raise
            except CinepiError as error:  # too large, or not allowed: nothing that time mends
                _log.warning("a document was not published", topic=topic, reason=str(error))
            if number == 0:
                self.round_trip_ms = round((self._clock.monotonic() - began) * 1000, 3)
