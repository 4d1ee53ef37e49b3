"""One connection to a broker, from greeting to loss: each message is acknowledged or has failed."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Self

from cinepi.errors import CinepiError, TooLargeError
from cinepi.logs.lazy import logger
from cinepi.units import MonotonicTime, Seconds
from cinepid.broker import ACK_LIMIT, CONNECT_LIMIT, Wire
from cinepid.errors import BrokerError, ConnectError, ConnectionLostError, SilentError
from cinepid.message import (
    Accepted,
    Acknowledged,
    Ended,
    Filter,
    Hello,
    Incoming,
    Limits,
    News,
    Outgoing,
    Protocol,
    Server,
)

_TICK: Seconds = 5.0

_log = logger("connection")


@dataclass(frozen=True, slots=True)
class _Sent:
    """A request on its way."""

    done: asyncio.Future[None]
    at: MonotonicTime


class Connection:
    """A connection that the broker has accepted.

    Attributes:
        server: Who is at the other end.
        protocol: The MQTT version spoken.
        limits: What the broker told about itself.
        has_session: Whether it remembers our last connection, and so may have kept messages.
        kept_age_s: How old kept messages can be at most, None if nobody knows; set to 0 once only
            live messages are expected.
        is_born: Set once it is of use; from then on a message of QoS 0 is a live one, though others
            may have been kept.
        lost: Done when the connection has ended, with the reason.
    """

    def __init__(
        self,
        server: Server,
        hello: Hello,
        protocol: Protocol,
        on_message: Callable[[Incoming], None],
    ) -> None:
        """Prepare; `open` does the rest."""
        self.server = server
        self.protocol = protocol
        self.limits = Limits()
        self.has_session = False
        self.kept_age_s: Seconds | None = 0.0
        self.is_born = False
        self._loop = asyncio.get_running_loop()
        self.lost: asyncio.Future[BrokerError] = self._loop.create_future()
        self._accepted: asyncio.Future[None] = self._loop.create_future()
        self._on_message = on_message
        self._sent: dict[int, _Sent] = {}
        self._waiting: deque[tuple[Outgoing, asyncio.Future[None]]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._wire = Wire(hello, protocol, self._hear, self._longest_age)

    @classmethod
    async def open(
        cls,
        server: Server,
        hello: Hello,
        on_message: Callable[[Incoming], None],
        *,
        protocol: Protocol = "5.0",
    ) -> Self:
        """Connect and wait until the broker has accepted us, for at most 2 x `CONNECT_LIMIT`.

        Raises:
            ConnectError: The broker cannot be reached.
            SilentError: It does not answer.
            ProtocolRefusedError: It does not speak `protocol`.
            RefusedError: It does not want us.
            ConnectionLostError: It hung up.
        """
        connection = cls(server, hello, protocol, on_message)
        try:
            async with asyncio.timeout(CONNECT_LIMIT):
                await _in_thread(lambda: connection._wire.connect(server), "cinepid-connect")
        except BaseException as error:
            connection.drop(ConnectError("the attempt to connect was given up"))
            if isinstance(error, OSError | ValueError):  # errors of TLS are OSErrors too
                raise ConnectError(f"{server} cannot be reached: {_plain(error)}") from error
            raise
        await connection._await_acceptance()
        return connection

    @property
    def heard_at(self) -> MonotonicTime:
        """When the broker last sent anything, on the monotonic clock."""
        return self._wire.heard_at

    def publish(self, message: Outgoing) -> asyncio.Future[None]:
        """Send; the future is done when the broker has it (at QoS 0, when it is on its way).

        The future fails with:
            ConnectionLostError: The connection ended first; the broker may have it all the same.
            TooLargeError: It is over the broker's limit and was not sent.
            PermissionDeniedError: The broker does not let us.
        """
        done: asyncio.Future[None] = self._loop.create_future()
        if self.lost.done():
            _fail(done, ConnectionLostError("there is no connection to the broker"))
        elif message.size > self.limits.max_packet:
            limit = f"the broker takes {self.limits.max_packet}"
            _fail(done, TooLargeError(f"{message.topic} takes {message.size} bytes; {limit}"))
        else:
            message = self._within_limits(message)
            if message.qos and (self._waiting or len(self._sent) >= self.limits.window):
                self._waiting.append((message, done))
            else:
                self._send(message, done)
        return done

    async def subscribe(self, filters: Sequence[Filter]) -> None:
        """Ask for messages, and wait until the broker has granted all of it.

        Raises:
            RefusedError: It refused a part; the connection is worth nothing then.
            ConnectionLostError: It ended first.
        """
        granted: asyncio.Future[None] = self._loop.create_future()
        if self.lost.done():
            raise ConnectionLostError("there is no connection to the broker")
        self._sent[self._wire.subscribe(filters)] = _Sent(granted, self._loop.time())
        await granted

    def close(self) -> None:
        """Say goodbye: the broker keeps the will to itself."""
        if not self.lost.done():
            self._wire.say_goodbye()
            self.drop(ConnectionLostError("we closed the connection"))

    def drop(self, error: BrokerError) -> None:
        """End it without goodbye, once: all that waits for the broker fails with `error`."""
        if self.lost.done():
            return
        self.lost.set_result(error)
        self._wire.close()
        if self._timer:
            self._timer.cancel()
        _fail(self._accepted, error)
        for sent in self._sent.values():
            _fail(sent.done, ConnectionLostError(f"the connection was lost: {error}"))
        for _, done in self._waiting:
            _fail(done, ConnectionLostError(f"the connection was lost: {error}"))
        self._sent.clear()
        self._waiting.clear()

    async def _await_acceptance(self) -> None:
        self._wire.listen()
        self._timer = self._loop.call_later(_TICK, self._tick)
        try:
            async with asyncio.timeout(CONNECT_LIMIT):
                await self._accepted
        except TimeoutError as error:
            silent = SilentError(f"{self.server} took the connection but does not answer")
            self.drop(silent)
            raise silent from error
        except BaseException:
            self.drop(ConnectError("the attempt to connect was given up"))
            raise

    def _within_limits(self, message: Outgoing) -> Outgoing:
        limits = self.limits
        if message.qos <= limits.max_qos and (limits.has_retain or not message.retain):
            return message
        return replace(
            message,
            qos=min(message.qos, limits.max_qos),
            retain=message.retain and limits.has_retain,
        )

    def _send(self, message: Outgoing, done: asyncio.Future[None]) -> None:
        try:
            mid = self._wire.publish(message)
        except ConnectionLostError as error:
            _fail(done, error)
            self.drop(error)
            return
        if message.qos:
            self._sent[mid] = _Sent(done, self._loop.time())
        elif not done.done():
            done.set_result(None)

    def _hear(self, news: News) -> None:
        if self.lost.done():
            return
        match news:
            case Incoming():
                self._receive(news)
            case Acknowledged():
                self._settle(news)
            case Accepted():
                self.limits = news.limits
                self.has_session = news.has_session
                if not self._accepted.done():
                    self._accepted.set_result(None)
            case Ended():
                self.drop(news.error)

    def _longest_age(self, qos: int, is_duplicate: bool) -> Seconds | None:  # noqa: FBT001
        if not self.has_session or (self.is_born and not qos):
            return 0.0
        if self.kept_age_s is None and is_duplicate and self.protocol == "5.0":
            return 0.0  # it had reached an earlier run of this program, restarted since
        return self.kept_age_s

    def _receive(self, message: Incoming) -> None:
        try:
            self._on_message(message)
        except Exception:  # noqa: BLE001 - no message may end the connection
            _log.exception("a message could not be handled", topic=message.topic[:100])
            message.acknowledge()

    def _settle(self, news: Acknowledged) -> None:
        sent = self._sent.pop(news.mid, None)
        if sent is not None and not sent.done.done():
            if news.error is None:
                sent.done.set_result(None)
            else:
                _fail(sent.done, news.error)
        while self._waiting and len(self._sent) < self.limits.window:
            message, done = self._waiting.popleft()
            if not done.done():
                self._send(message, done)

    def _tick(self) -> None:
        if self.lost.done():  # before the timer was set
            return
        self._timer = self._loop.call_later(_TICK, self._tick)
        oldest = next(iter(self._sent.values()), None)
        if oldest is not None and self._loop.time() - oldest.at > ACK_LIMIT:
            message = f"the broker has acknowledged nothing for {ACK_LIMIT:g} s"
            self.drop(ConnectionLostError(message))
        else:
            self._wire.tick()


def _fail(future: asyncio.Future[None], error: CinepiError) -> None:
    if not future.done():
        future.set_exception(error)
        future.exception()  # so that nobody is obliged to look


def _plain(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return getattr(error, "strerror", None) or str(error)


async def _in_thread(work: Callable[[], None], name: str) -> None:
    """Run what may block in a thread that nobody waits for at exit, since DNS can take minutes."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def settle(error: BaseException | None) -> None:
        if done.done():  # given up meanwhile
            return
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)

    def run() -> None:
        outcome: BaseException | None = None
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised again where it is awaited
            outcome = error
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(settle, outcome)

    threading.Thread(target=run, name=name, daemon=True).start()
    await done
