"""Being there: what is said in which order when a connection begins, goes on and ends."""

import asyncio
import random
from collections.abc import Callable
from typing import Literal, Protocol

import msgspec

from cinepi.clock import Clock
from cinepi.errors import CinepiError
from cinepi.logs.setup import logger
from cinepi.units import MonotonicTime, Seconds
from cinepid import tls, topics
from cinepid.config import BrokerSettings
from cinepid.connection import Connection
from cinepid.decode import decoded
from cinepid.device import Device
from cinepid.errors import ConnectionLostError
from cinepid.message import Filter, Hello, Incoming, Outgoing, Will
from cinepid.payloads import StatusDocument
from cinepid.publishers.state import RetainedState
from cinepid.pulse import Pulse
from cinepid.uplink import Uplink

SAY_AGAIN_PERIOD: Seconds = 600.0
"""Brokers, and clusters of them above all, forget what is retained; nobody tells."""
GOODBYE_LIMIT: Seconds = 2.0
RIVAL_MEMORY: Seconds = 2 * SAY_AGAIN_PERIOD
"""Another device of our name that has gone is no problem any more."""

_CONTRADICT_PERIOD: Seconds = 5.0
_FAREWELL: Seconds = 1.0  # Home Assistant takes about 0.2 s to let go of a device

_STATUS = msgspec.json.Decoder(StatusDocument)
_log = logger("presence")


class Announcer(Protocol):
    """Whoever tells others how to show the device."""

    @property
    def filters(self) -> tuple[Filter, ...]:
        """What it needs to hear."""
        ...

    def hear(self, message: Incoming) -> bool:
        """Take a message; False if it is for somebody else."""
        ...

    async def announce(self, connection: Connection) -> None:
        """Say it all; comes after the retained documents and before `online`."""
        ...

    async def withdraw(self, connection: Connection) -> int:
        """Take it all back; returns the number of topics."""
        ...


class Presence:
    """Says that the device is there, and everything else that has to be said with it."""

    def __init__(
        self,
        device: Device,
        broker: BrokerSettings,
        state: RetainedState,
        clock: Clock,
    ) -> None:
        """Be ready for the first connection."""
        self.announcers: list[Announcer] = []
        self.on_online: list[Callable[[], None]] = []
        self._device = device
        self._broker = broker
        self._state = state
        self._clock = clock
        self._reason = "start"
        self._online: bytes | None = None
        self._is_said = False
        self._is_leaving = False
        self._contradiction: asyncio.TimerHandle | None = None
        self._rival: tuple[str, MonotonicTime] | None = None
        self._all = asyncio.Lock()

    @property
    def problem(self) -> str | None:
        """Another device under our name, if one has been heard lately."""
        if self._rival is None or self._clock.monotonic() - self._rival[1] > RIVAL_MEMORY:
            return None
        return f"another device calls itself {self._device.id} too: give one of them another id"

    def hello(self) -> Hello:
        """Introduce ourselves, with password and certificates as they are now.

        Raises:
            ConnectError: One of their files cannot be used.
        """
        if self._contradiction is not None:  # it belongs to the connection before
            self._contradiction.cancel()
            self._contradiction = None
        self._is_said = False
        self._online = self._status("online", self._reason)
        will = self._status("offline", "connection_lost")
        return Hello(
            client_id=self._device.client_id,
            will=Will(self._device.topics.status, will),
            username=self._broker.username or None,
            password=tls.password(self._broker),
            tls=tls.context(self._broker),
        )

    async def birth(self, connection: Connection) -> None:
        """Make a fresh connection useful, in this order.

        Raises:
            CinepiError: It cannot be.
        """
        await connection.subscribe(self._filters())
        async with self._all:  # a `forget` may not know yet that its connection has gone
            await self._say_all(connection)
        self._reason = "reconnect"
        for begin in self.on_online:
            begin()

    async def say_again(self, connection: Connection | None) -> int:
        """Say all that is retained once more; returns the number of topics.

        Raises:
            ConnectionLostError: There is no connection, or it ended first.
        """
        async with self._all:
            return await self._say_all(connection)

    async def refresh(self, connection: Connection | None) -> None:
        """The same without being asked to: not after `forget`.

        Raises:
            ConnectionLostError: There is no connection, or it ended first.
        """
        async with self._all:
            if self._online is not None:
                await self._say_all(connection)

    def say_truth(self, command: str) -> None:
        """Say once more what a refused command, such as `camera/set`, has not changed.

        A switch or slider that has been moved on the strength of hope falls back.
        """
        group = command.partition("/")[0]
        self._state.repeat(self._device.topics.document(group))

    async def forget(self, connection: Connection | None) -> int:
        """Take all that is retained off the broker; returns the number of topics.

        Raises:
            ConnectionLostError: There is no connection, or it ended first.
        """
        if connection is None:
            raise ConnectionLostError("there is no connection to the broker")
        async with self._all:
            count = 0
            for announcer in self.announcers:
                count += await announcer.withdraw(connection)
            if count:  # whoever shows the device would stumble over empty documents
                await asyncio.sleep(_FAREWELL)
            count += await self._state.clear(connection)
            self._online = None
            await connection.publish(
                Outgoing(topic=self._device.topics.status, payload=b"", retain=True)
            )
        return count + 1

    async def goodbye(self, connection: Connection) -> None:
        """Say that we leave on purpose, and wait for the broker to have it.

        Where it does not get it in time, the connection just ends, so that it keeps our will.
        """
        self._is_leaving = True
        if self._online is not None:
            self._online = None
            payload = self._status("offline", "shutdown")
            said = connection.publish(self._status_message(payload))
            await asyncio.wait([said], timeout=GOODBYE_LIMIT)
            if not said.done():
                connection.drop(ConnectionLostError("the broker did not hear our goodbye"))
        connection.close()

    async def run(self, uplink: Uplink, pulse: Pulse) -> None:
        """Say all again on a slow timer, until cancelled."""
        never = asyncio.Event()
        due = self._clock.monotonic() + SAY_AGAIN_PERIOD * (0.5 + random.random())  # noqa: S311
        while True:
            await pulse.rest("presence", never)
            if self._clock.monotonic() < due or self._online is None:
                continue
            due = self._clock.monotonic() + SAY_AGAIN_PERIOD
            try:
                await self.refresh(uplink.connection)
            except CinepiError as error:
                _log.debug("said again at the next connection", reason=str(error))

    def hear_status(self, message: Incoming, connection: Connection | None) -> None:
        """Our own status, as the broker has it: contradict what is not true, even an empty one."""
        message.acknowledge()
        if connection is None or self._online is None or not self._is_said:
            return
        if message.payload == self._online:
            connection.kept_age_s = 0.0  # what was kept for us came before it
            return
        heard = decoded(_STATUS, message.payload)
        if heard is None:
            reason = "cleared" if not message.payload else "unreadable"
        else:
            if heard.state == "online" and heard.boot == self._device.boot:
                return
            if heard.state == "online":
                self._hear_rival(heard.boot)
                return
            reason = heard.reason
        if self._contradiction is None:
            _log.warning("contradicting what the broker says of us", reason=reason)
            self._contradict(connection)

    def _hear_rival(self, boot: str) -> None:
        if self._rival is None or self._rival[0] != boot:
            _log.error("another device uses this id", device=self._device.id)
        self._rival = boot, self._clock.monotonic()

    def _contradict(self, connection: Connection) -> None:
        """Say the truth now, and once more later: there may be more of it by then."""
        self._repeat(connection)
        self._contradiction = asyncio.get_running_loop().call_later(
            _CONTRADICT_PERIOD, self._contradict_again, connection
        )

    def _contradict_again(self, connection: Connection) -> None:
        self._contradiction = None
        self._repeat(connection)

    def _repeat(self, connection: Connection) -> None:
        if self._online is not None:
            connection.publish(self._status_message(self._online))

    def _filters(self) -> list[Filter]:
        device = self._device
        filters = [
            Filter(device.topics.commands),
            Filter(topics.BROADCAST_COMMANDS),
            Filter(device.topics.status, with_retained=False),
        ]
        if device.groups.names:
            filters.append(Filter(topics.GROUP_COMMANDS))
        return filters + [each for announcer in self.announcers for each in announcer.filters]

    async def _say_all(self, connection: Connection | None) -> int:
        if connection is None:
            raise ConnectionLostError("there is no connection to the broker")
        count = await self._state.say_all(connection)
        for announcer in self.announcers:
            await announcer.announce(connection)
        await self._say_status(connection)
        return count + 1

    async def _say_status(self, connection: Connection) -> None:
        if self._is_leaving:
            return
        if self._online is None:  # after `forget`
            self._online = self._status("online", self._reason)
        self._is_said = True
        await connection.publish(self._status_message(self._online))

    def _status_message(self, payload: bytes) -> Outgoing:
        return Outgoing(topic=self._device.topics.status, payload=payload, retain=True)

    def _status(self, state: Literal["online", "offline"], reason: str) -> bytes:
        stamp = self._state.stamp()
        return msgspec.json.encode(
            StatusDocument(
                at=stamp.at,
                boot=stamp.boot,
                seq=stamp.seq,
                state=state,
                reason=reason,
                since=self._device.since,
                version=self._device.version,
                clock_synced=self._clock.is_synced(),
            )
        )
