"""The operator's connection to the broker, for as long as one command takes."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from cinepi.errors import CinepiError
from cinepi.units import Bytes, Seconds
from cinepid import tls, topics
from cinepid.connection import Connection
from cinepid.ctl.context import Access
from cinepid.errors import BrokerError, ConnectionLostError, ProtocolRefusedError, RefusedError
from cinepid.message import Filter, Hello, Incoming, Outgoing, Protocol, Server

CONNECT_LIMIT: Seconds = 5.0
"""For one of the brokers; a person waits."""
MAX_INCOMING: Bytes = 1024 * 1024
"""Longest message taken: pictures come in parts of 256 KiB."""
_WINDOW = 1000  # answers of so many devices may be on their way at once
_TRIES = 3
_UNSPECIFIED = 0x80

Hearer = Callable[[Incoming], None]


class Link:
    """A connection, and everybody here who listens to it."""

    def __init__(self, connection: Connection, hearers: list[Hearer]) -> None:
        """Use `open_link`."""
        self.connection = connection
        self.hearers = hearers

    @property
    def server(self) -> str:
        """Who is at the other end."""
        return str(self.connection.server)

    async def listen(
        self, *filters: str, qos: int = 0, with_retained: bool = True, limit: Seconds = 30.0
    ) -> None:
        """Ask for messages; when this returns, the broker has sent those that it had stored.

        That it answers requests in their order, and that stored messages come before the answer to
        the next request, is so with mosquitto and at QoS 0; others may still be sending.

        Raises:
            BrokerError: The broker refuses, or takes longer than `limit`.
        """
        wanted = [Filter(topic, with_retained, qos, as_published=False) for topic in filters]
        try:
            async with asyncio.timeout(limit):
                await self._subscribe(wanted)
                if with_retained and self.connection.protocol == "5.0":
                    again = [Filter(t, False, qos, as_published=False) for t in filters]  # noqa: FBT003
                    await self.connection.subscribe(again)
        except TimeoutError as error:
            message = f"{self.server} has not answered a subscription for {limit:g} s"
            raise BrokerError(message) from error

    async def _subscribe(self, wanted: list[Filter]) -> None:
        """A cluster that has just lost a node refuses some subscriptions without a reason."""
        for _ in range(_TRIES - 1):
            try:
                return await self.connection.subscribe(wanted)
            except RefusedError as error:
                if error.reason_code != _UNSPECIFIED:
                    raise
        return await self.connection.subscribe(wanted)

    async def send(self, message: Outgoing) -> None:
        """Publish, and wait until the broker has it.

        Raises:
            BrokerError: The connection was lost.
            CinepiError: It is too large, or not allowed.
        """
        await self.connection.publish(message)

    async def command(self, owner: topics.Address, payload: bytes) -> None:
        """Send a command to whom the address says; see `send`."""
        await self.send(Outgoing(topic=topics.build(owner), payload=payload))


@asynccontextmanager
async def open_link(access: Access) -> AsyncIterator[Link]:
    """Connect to the first broker that lets us in, and leave in the end.

    Raises:
        BrokerError: None does; says why, of the last one.
    """
    hearers: list[Hearer] = []

    def hear(message: Incoming) -> None:
        for hearer in hearers:
            hearer(message)
        message.acknowledge()

    connection = await _connect(access, hear)
    try:
        yield Link(connection, hearers)
    finally:
        connection.close()


async def _connect(access: Access, hear: Hearer) -> Connection:
    failure: CinepiError | None = None
    for server in access.settings.all_servers():
        try:
            return await _connect_to(server, access, hear)
        except BrokerError as error:
            failure = error
    raise BrokerError(str(failure)) from failure


async def _connect_to(server: Server, access: Access, hear: Hearer) -> Connection:
    settings = access.settings
    name = socket.gethostname().split(".")[0][:16]
    hello = Hello(
        client_id=f"cinepictl-{name}-{os.urandom(4).hex()}",
        username=settings.username or None,
        password=access.password or tls.password(settings),
        tls=tls.context(settings),
        is_lasting=False,
        max_incoming=MAX_INCOMING,
        window=_WINDOW,
    )
    protocol: Protocol
    for protocol in ("5.0", "3.1.1"):
        try:
            async with asyncio.timeout(CONNECT_LIMIT):
                return await Connection.open(server, hello, hear, protocol=protocol)
        except (ProtocolRefusedError, ConnectionLostError):  # some hang up instead of refusing
            if protocol == "3.1.1":
                raise
        except TimeoutError as error:
            raise BrokerError(f"{server} has not answered for {CONNECT_LIMIT:g} s") from error
    raise BrokerError(f"{server} speaks neither MQTT 5 nor 3.1.1")
