"""The way to a broker, for ever: try, stay while it lasts, try the next."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace

from cinepi.clock import Clock, rfc3339
from cinepi.errors import CinepiError
from cinepi.logs.setup import logger
from cinepi.units import MonotonicTime, Seconds
from cinepi.vigil import TURN
from cinepid.connection import Connection
from cinepid.errors import (
    BrokerError,
    ConnectionLostError,
    ProtocolRefusedError,
    RefusedError,
    SilentError,
    TakenOverError,
)
from cinepid.message import Hello, Incoming, Outgoing, Protocol, Server
from cinepid.pulse import Pulse

BIRTH_LIMIT: Seconds = 30.0
"""Subscribing and saying all that is retained takes at most this long, or the broker is no good."""
FIRST_WAIT: Seconds = 1.0
LONGEST_WAIT: Seconds = 15.0
TAKEN_OVER_WAIT: Seconds = 120.0
"""Two devices with one name would throw each other out for ever; both go slowly instead."""
TWIN_MEMORY: Seconds = 600.0
"""So long after a connection that another device may have taken over, that is worth a word."""
STABLE: Seconds = 5.0
"""A connection that lasted so long was a good one: the next wait is short again."""
SUSPICIOUS = 3
"""So many connections in a row that end soon are more than bad luck. Older brokers do not say why
they close a connection that another client has taken over."""
CONVINCED = 2
"""So many times must a broker hang up on MQTT 5 and take 3.1.1, until 3.1.1 comes first."""

_NO_RETAIN = 0x9A
_NO_QOS = 0x9B
_TWIN = "does another device have the same id? Give one of them another"
_log = logger("uplink")


def wait_before(attempt: int, luck: float) -> Seconds:
    """How long to wait before another attempt: doubling, and spread, so that fleets do not march.

    Args:
        attempt: 1 for the first wait.
        luck: Random, from 0 to 1.
    """
    longest = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(attempt - 1, 10))
    return longest * (0.5 + 0.5 * luck)


class Uplink:
    """Keeps one connection to one of the brokers.

    Attributes:
        connection: The present one; None while there is none.
        online: Set while there is one and its `birth` is complete.
        reconnects: Connections lost since the start.
        connected_since: RFC 3339; None without connection.
    """

    def __init__(
        self,
        servers: tuple[Server, ...],
        hello: Callable[[], Hello],
        birth: Callable[[Connection], Awaitable[None]],
        on_message: Callable[[Incoming], None],
        *,
        clock: Clock,
        pulse: Pulse,
    ) -> None:
        """Be ready to `run`.

        Args:
            servers: Brokers, in the order to try.
            hello: Makes the introduction anew each time, so that changed files are noticed.
            birth: Makes a fresh connection useful: subscriptions, retained state, presence.
            on_message: Hears every message.
            clock: Time.
            pulse: To beat in.
        """
        self.connection: Connection | None = None
        self.online = asyncio.Event()
        self.reconnects = 0
        self.connected_since: str | None = None
        self._problem: str | None = "no attempt to connect yet"
        self._servers = servers
        self._hello = hello
        self._birth = birth
        self._on_message = on_message
        self._clock = clock
        self._pulse = pulse
        self._refused_v5: set[Server] = set()
        self._hung_up_on_v5: set[Server] = set()
        self._took_old: Counter[Server] = Counter()
        self._lesser_wills: set[tuple[Server, int]] = set()
        self._cut_short = 0
        self._last_alive: dict[Server, MonotonicTime] = {}
        self._taken_over: MonotonicTime | None = None

    @property
    def problem(self) -> str | None:
        """Why there is no connection, or what is wrong all the same; None if nothing.

        Two devices of one name take turns: each is well while it is connected, and neither would
        ever be heard to complain if it forgot what ended its last connection.
        """
        taken = self._taken_over
        if taken is not None and self._clock.monotonic() - taken < TWIN_MEMORY:
            return f"the connection was lost again and again: {_TWIN}"
        return self._problem

    def publish(self, message: Outgoing) -> asyncio.Future[None]:
        """Send over the present connection; see `Connection.publish`.

        Raises:
            ConnectionLostError: There is none.
        """
        if self.connection is None:
            raise ConnectionLostError("there is no connection to the broker")
        return self.connection.publish(message)

    async def run(self) -> None:
        """Connect and reconnect until cancelled."""
        failures = 0
        while True:
            for server in self._servers:
                began = self._clock.monotonic()
                error = await self._use(server)
                if self._clock.monotonic() - began > STABLE:
                    failures = self._cut_short = 0
                self._note(server, error)
                if isinstance(error, TakenOverError):
                    await self._sleep(TAKEN_OVER_WAIT * (0.5 + random.random()))  # noqa: S311
            failures += 1
            await self._sleep(wait_before(failures, random.random()))  # noqa: S311

    def close(self) -> None:
        """Say goodbye to the broker, if there is one."""
        if self.connection is not None:
            self.connection.close()

    async def _use(self, server: Server) -> CinepiError:
        """Connect with the newest version that the broker takes, and stay; returns why it ended."""
        is_old = server in self._refused_v5 or server in self._hung_up_on_v5
        error = await self._attempt(server, "3.1.1" if is_old else "5.0")
        while self._takes_lesser_will(server, error):
            error = await self._attempt(server, "5.0")
        if isinstance(error, ProtocolRefusedError) and not is_old:
            _log.info("the broker does not speak MQTT 5; trying 3.1.1", server=str(server))
            self._refused_v5.add(server)
            error = await self._attempt(server, "3.1.1")
        return error

    def _takes_lesser_will(self, server: Server, error: CinepiError) -> bool:
        """Whether a broker refused our will as too much; it gets another, a step less each time."""
        code = error.reason_code if isinstance(error, RefusedError) else 0
        if code not in (_NO_RETAIN, _NO_QOS) or (server, code) in self._lesser_wills:
            return False
        self._lesser_wills.add((server, code))
        return True

    def _hello_to(self, server: Server) -> Hello:
        hello = self._hello()
        if hello.will is None:
            return hello
        will = replace(
            hello.will,
            qos=0 if (server, _NO_QOS) in self._lesser_wills else hello.will.qos,
            retain=(server, _NO_RETAIN) not in self._lesser_wills,
        )
        return replace(hello, will=will)

    async def _attempt(self, server: Server, protocol: Protocol) -> CinepiError:
        self._pulse.beat("uplink")
        try:
            connection = await Connection.open(
                server, self._hello_to(server), self._on_message, protocol=protocol
            )
        except (SilentError, ConnectionLostError) as error:
            # Some old brokers hang up on MQTT 5 instead of refusing it: take turns.
            self._hung_up_on_v5 ^= {server}
            return error
        except CinepiError as error:
            return error
        if server in self._hung_up_on_v5:
            self._hung_up_on_v5.discard(server)
            self._took_old[server] += 1
            if self._took_old[server] >= CONVINCED:
                self._refused_v5.add(server)
        elif protocol == "5.0":
            del self._took_old[server]  # it hung up for another reason, such as its own restart
        last = self._last_alive.get(server)  # another one has not kept its messages meanwhile
        connection.kept_age_s = None if last is None else self._clock.monotonic() - last
        self.connection = connection
        try:
            async with asyncio.timeout(BIRTH_LIMIT):
                await self._birth(connection)
            connection.is_born = True
            self._set_online(connection)
            return await self._stay(connection)
        except CinepiError as error:
            return error
        except TimeoutError:
            return ConnectionLostError(f"{server} did not take our state in {BIRTH_LIMIT:g} s")
        finally:
            self._last_alive[server] = connection.heard_at
            self.connection = None
            self.connected_since = None
            self.online.clear()
            connection.drop(ConnectionLostError("the connection is not used any more"))

    async def _stay(self, connection: Connection) -> BrokerError:
        while not connection.lost.done():
            self._pulse.beat("uplink")
            await asyncio.wait([connection.lost], timeout=TURN)
            connection.kept_age_s = 0.0  # if nobody could tell before
        self.reconnects += 1
        self._cut_short += 1
        return connection.lost.result()

    def _set_online(self, connection: Connection) -> None:
        self.connected_since = rfc3339(self._clock.wall())
        self._problem = None
        self.online.set()
        _log.info("connected", server=str(connection.server), protocol=connection.protocol)

    def _note(self, server: Server, error: CinepiError) -> None:
        problem = str(error)
        if isinstance(error, TakenOverError) or self._cut_short >= SUSPICIOUS:
            problem += f"; {_TWIN}"
            self._taken_over = self._clock.monotonic()
        if problem == self._problem:
            return  # said already: a broker that stays away is one line, not thousands
        self._problem = problem
        _log.warning("no connection", server=str(server), reason=problem)

    async def _sleep(self, duration: Seconds) -> None:
        """Wait, and beat meanwhile."""
        with suppress(TimeoutError):
            async with asyncio.timeout(duration):
                while True:
                    self._pulse.beat("uplink")
                    await asyncio.sleep(TURN)
