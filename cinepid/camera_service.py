"""The way to the camera service, for ever: requests, answers, and what changes there."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import msgspec

from cinepi.client import error_from, short_address
from cinepi.clock import Clock
from cinepi.envelope import (
    MAX_LINE,
    NO_RESULT,
    Command,
    JournalGrew,
    Request,
    StateChanged,
    WireError,
)
from cinepi.errors import CameraUnavailableError, CinepiError, DeadlineError
from cinepi.logs.setup import logger
from cinepi.paths import Layout
from cinepi.protocol import NoParams, Params, PingResult, WatchResult
from cinepi.units import MonotonicTime, Seconds
from cinepi.vigil import TURN
from cinepid.pulse import Pulse

ResultT = TypeVar("ResultT")

GRACE: Seconds = 2.0
"""A command waits so long for a service that restarts; then it is told that there is none."""
OUTAGE_LIMIT: Seconds = 30.0
"""A request that was under way when the service went is sent again for so long."""
ANSWER_LIMIT: Seconds = 30.0

PING_LIMIT: Seconds = 5.0
"""A service that does not say in so long that it is there hangs; a Pi under load needs 0.1 s."""

_FIRST_QUESTION = "watch"
_RESTARTS_WITHIN: Seconds = 10.0
_SHORT_WAIT: Seconds = 0.1  # a service that restarts is found at once; a try costs next to nothing
_LONG_WAIT: Seconds = 1.0

_log = logger("camera_service")


class Listener(Protocol):
    """Who wants to hear of the service."""

    def on_up(self, state: WatchResult) -> None:
        """The service answers; this is its whole state."""

    def on_down(self, reason: str) -> None:
        """The service does not answer."""

    def on_state(self, topic: str, document: bytes) -> None:
        """A document has changed; `topic` is a field of `WatchResult`."""

    def on_journal(self, last_seq: int) -> None:
        """Events were appended."""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """A line from the service: an answer, or a notification where it names a method.

    Attributes:
        id: Of the request that it answers.
        result: What was asked for.
        error: Why not.
        replayed: Whether the same answer was given before.
        method: Of a notification.
        params: Of a notification.
    """

    id: int | None = None
    result: msgspec.Raw = NO_RESULT
    error: WireError | None = None
    replayed: bool = False
    method: str | None = None
    params: msgspec.Raw = msgspec.Raw(b"{}")


_DECODER = msgspec.json.Decoder(Reply)


@dataclass(frozen=True, slots=True)
class _Pending:
    """A request without an answer yet; its line is sent again when the service is back."""

    line: bytes
    response: asyncio.Future[Reply]


class _Lines(asyncio.Protocol):
    """Cuts what the service sends into lines."""

    def __init__(self, on_line: Callable[[bytes], None]) -> None:
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._on_line = on_line
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._on_line(line)
        if len(self._rest) > MAX_LINE:
            raise ConnectionAbortedError("the camera service sent a line without end")

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's contract
        if not self.closed.done():
            self.closed.set_result(None)


class CameraService:
    """An asyncio client of the camera service that outlives it.

    Attributes:
        is_up: Whether it answers.
        problem: Why not; empty while it does.
    """

    def __init__(self, layout: Layout, clock: Clock, pulse: Pulse) -> None:
        """Be ready to `run`."""
        self.is_up = False
        self.problem = "no attempt to connect yet"
        self._path = layout.socket
        self._clock = clock
        self._pulse = pulse
        self._listeners: list[Listener] = []
        self._pending: dict[int, _Pending] = {}
        self._last_id = 0
        self._transport: asyncio.Transport | None = None
        self._came = asyncio.Event()
        self._is_silent = False
        self._early: list[tuple[str, msgspec.Raw]] = []
        self._gone_since: MonotonicTime = clock.monotonic()

    def add_listener(self, listener: Listener) -> None:
        """Tell `listener` from now on."""
        self._listeners.append(listener)

    async def call(
        self,
        method: str,
        result: type[ResultT],
        params: Params | None = None,
        *,
        limit: Seconds = ANSWER_LIMIT,
    ) -> ResultT:
        """Ask for `method` and wait for its answer, for at most `limit` seconds.

        Raises:
            CinepiError: What the service answered; each code has its class.
            CameraUnavailableError: There is no service.
            DeadlineError: No answer in time.
        """
        response = await self.request(method, params, limit=limit)
        if response.error is not None:
            raise error_from(response.error)
        return msgspec.json.decode(response.result, type=result)

    async def request(
        self,
        method: str,
        params: Params | None = None,
        *,
        command: Command | None = None,
        limit: Seconds = ANSWER_LIMIT,
    ) -> Reply:
        """Ask, and return the answer as it came, error or not.

        A request that is under way when the service goes is sent again when it is back. With a
        `command` it still happens once.

        Raises:
            CameraUnavailableError: There is no service, or it did not come back.
            DeadlineError: No answer in time.
        """
        if self._transport is None:
            await self._await_service()
        elif self._is_silent and method != _FIRST_QUESTION:
            raise CameraUnavailableError(self.problem)
        self._last_id += 1
        raw = msgspec.Raw(msgspec.json.encode(params or NoParams()))
        request = Request(method=method, params=raw, id=self._last_id, command=command)
        response: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        pending = _Pending(msgspec.json.encode(request) + b"\n", response)
        self._pending[self._last_id] = pending
        if self._transport is not None:
            self._transport.write(pending.line)
        request_id = self._last_id
        try:
            async with asyncio.timeout(limit):
                return await response
        except TimeoutError as error:
            message = f"the camera service did not answer {method} within {limit:g} s"
            raise DeadlineError(message) from error
        finally:
            self._pending.pop(request_id, None)

    async def run(self) -> None:
        """Connect and reconnect until cancelled."""
        while True:
            self._pulse.beat("camera service")
            began = self._clock.monotonic()
            try:
                lines, transport = await self._connect()
            except OSError as error:
                self._set_down(_reason(error))
                await self._pause(began)
                continue
            try:
                await self._stay(lines, transport)
            finally:
                self._transport = None
                self._came.clear()
                transport.abort()
            if self.is_up:
                self._gone_since = self._clock.monotonic()
                self._set_down("the camera service has gone; it should be back in a moment")
            else:  # it took the connection and was of no use
                await self._pause(began)

    async def _pause(self, began: MonotonicTime) -> None:
        """Let some time pass from the beginning of one attempt to the next.

        An attempt that took long itself, at a socket that systemd holds, is followed at once: the
        service may have come meanwhile, and is nowhere else to be heard of.
        """
        self._fail_if_gone_too_long()
        now = self._clock.monotonic()
        wait = _SHORT_WAIT if now - self._gone_since < _RESTARTS_WITHIN else _LONG_WAIT
        await asyncio.sleep(max(0.0, began + wait - now))

    async def _connect(self) -> tuple[_Lines, asyncio.Transport]:
        loop = asyncio.get_running_loop()
        with short_address(self._path) as address:
            transport, lines = await loop.create_unix_connection(
                lambda: _Lines(self._receive), address
            )
        return lines, transport

    async def _stay(self, lines: _Lines, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._early.clear()
        watching = asyncio.create_task(self._watch(), name="watch")
        for pending in list(self._pending.values()):
            transport.write(pending.line)
        self._came.set()
        try:
            await asyncio.wait([lines.closed, watching], return_when=asyncio.FIRST_COMPLETED)
            if watching.done():
                watching.result()  # a fault of ours must not leave us half awake
            while not lines.closed.done() and await self._reacts():
                self._pulse.beat("camera service")
                await asyncio.wait([lines.closed], timeout=TURN)
        finally:
            watching.cancel()

    async def _reacts(self) -> bool:
        """Ask whether the process is alive behind its socket; one that is stopped is not."""
        try:
            await self.call("ping", PingResult, limit=PING_LIMIT)
        except DeadlineError:
            self._gone_since = self._clock.monotonic()
            self._is_silent = True
            self._set_down("the camera service does not react; if it stays so, restart the device")
            return False
        except CinepiError:  # it has gone, or is not up yet: others see to that
            return True
        return True

    async def _watch(self) -> None:
        try:
            state = await self.call(_FIRST_QUESTION, WatchResult)
        except (CinepiError, msgspec.MsgspecError) as error:
            self._set_down(f"the camera service is not understood: {error}")
            if self._transport is not None:
                self._transport.abort()
            return
        self.is_up = True
        self._is_silent = False
        self.problem = ""
        _log.info("camera service is there")
        for listener in self._listeners:
            listener.on_up(state)
        early, self._early = self._early, []
        for method, params in early:
            self._notify(method, params)

    def _receive(self, line: bytes) -> None:
        try:
            message = _DECODER.decode(line)
            if message.method is not None:
                # News on the heels of the first answer are newer than what it says.
                if self.is_up:
                    self._notify(message.method, message.params)
                else:
                    self._early.append((message.method, message.params))
                return
        except msgspec.MsgspecError:
            _log.exception("the camera service sent something unreadable")
            return
        pending = self._pending.get(message.id) if message.id is not None else None
        if pending is not None and not pending.response.done():
            pending.response.set_result(message)

    def _notify(self, method: str, params: msgspec.Raw) -> None:
        if method == "state":
            changed = msgspec.json.decode(params, type=StateChanged)
            for listener in self._listeners:
                listener.on_state(changed.topic, bytes(changed.document))
        elif method == "journal":
            grew = msgspec.json.decode(params, type=JournalGrew)
            for listener in self._listeners:
                listener.on_journal(grew.last_seq)

    async def _await_service(self) -> None:
        left = GRACE - (self._clock.monotonic() - self._gone_since)
        try:
            async with asyncio.timeout(max(left, 0)):
                await self._came.wait()
        except TimeoutError as error:
            raise CameraUnavailableError(self.problem) from error

    def _set_down(self, reason: str) -> None:
        if not self.is_up and self.problem == reason:
            return  # said already
        _log.warning("no camera service", reason=reason)
        self.is_up = False
        self.problem = reason
        for listener in self._listeners:
            listener.on_down(reason)

    def _fail_if_gone_too_long(self) -> None:
        if self._clock.monotonic() - self._gone_since < OUTAGE_LIMIT:
            return
        for pending in self._pending.values():
            if not pending.response.done():
                pending.response.set_exception(CameraUnavailableError(self.problem))


def _reason(error: OSError) -> str:
    if isinstance(error, FileNotFoundError | ConnectionRefusedError):
        return "the camera service is not running"
    return f"the camera service cannot be reached: {error.strerror or error}"
