"""The socket: connections, requests and answers, and who is told what changed."""

import select
import socket
import struct
import threading
import time
from contextlib import suppress

import msgspec

from cinepi.clock import Clock
from cinepi.envelope import MAX_LINE, Request, Response
from cinepi.errors import BusyError, CinepiError, InternalError, TooLargeError
from cinepi.logs.seldom import Seldom
from cinepi.logs.setup import logger
from cinepi.service.board import Board, Subscription
from cinepi.service.requests import Requests, parse, wire_error
from cinepi.service.workers import Lane, Workers
from cinepi.units import Bytes, MonotonicTime, Seconds
from cinepi.vigil import LIMIT, TURN, Vigil

SEND_LIMIT: Seconds = 5
"""A client that reads nothing for so long is hung up on, so that it keeps no worker."""
MOST_WAITING = 100
"""Slow requests of one client that may wait or run; it is told that it is busy beyond."""
MOST_CLIENTS = 100
"""Connections at the same time: each costs a thread, and pictures need descriptors too."""

_REFUSED_PAUSE: Seconds = 1.0  # how long the system is left alone that gives no connection
_PIECE: Bytes = 16 * 1024  # the kernel waits for all that it is given, however long that takes

_log = logger("server")


class Server:
    """Serves a listening Unix socket; one thread for each connection."""

    def __init__(
        self,
        listener: socket.socket,
        requests: Requests,
        board: Board,
        clock: Clock,
        vigil: Vigil,
    ) -> None:
        """Be ready to `serve`."""
        self._listener = listener
        self._requests = requests
        self._board = board
        self._clock = clock
        self._vigil = vigil
        self._seldom = Seldom(clock)
        self._workers = Workers()
        self._connections: set[Connection] = set()
        self._lock = threading.Lock()
        self._wake, self._woken = socket.socketpair()
        self._greeted = 0
        self.last_used: MonotonicTime = clock.monotonic()

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._connections)

    def serve(self) -> None:
        """Accept connections until `close`."""
        with self._wake, self._woken:
            self._listener.settimeout(0.0)  # a client may leave between select and accept
            self._vigil.expect("server")
            while True:
                ready = select.select([self._listener, self._woken], [], [], TURN)[0]
                self._vigil.beat("server")
                if self._woken in ready:
                    return
                if ready:
                    self._accept()

    def close(self) -> None:
        """Accept no more, and end all connections."""
        # The listening socket is left as it is: shut down, it would be so for systemd too, which
        # hands it to the next start.
        with suppress(OSError):
            self._wake.send(b"\0")
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            connection.close()
        self._workers.close()

    def _accept(self) -> None:
        try:
            accepted = self._listener.accept()[0]
        except BlockingIOError:
            return
        except OSError as error:  # no descriptor or no memory is left: pictures go on without
            if self._seldom.is_due("accept"):
                _log.error("no connection can be taken", reason=str(error))
            select.select([self._woken], [], [], _REFUSED_PAUSE)
            return
        self._greet(accepted)

    def _greet(self, accepted: socket.socket) -> None:
        if self.connections >= MOST_CLIENTS:
            if self._seldom.is_due("clients"):
                _log.warning("too many clients", connections=self.connections)
            with suppress(OSError), accepted:
                accepted.setblocking(False)  # noqa: FBT003 - the standard library's own
                accepted.send(_line(_busy(None, f"there are {MOST_CLIENTS} clients already")))
            return
        self._greeted += 1
        limit = struct.pack("ll", int(SEND_LIMIT), 0)  # struct timeval
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
        connection = Connection(accepted, self._requests, self._board, self._workers, self._vigil)
        with self._lock:
            self._connections.add(connection)
        name = f"connection-{self._greeted}"
        threading.Thread(target=self._run, args=(connection,), name=name, daemon=True).start()

    def _run(self, connection: "Connection") -> None:
        try:
            connection.run()
        finally:
            with self._lock:
                self._connections.discard(connection)
            self.last_used = self._clock.monotonic()


class Connection:
    """One client."""

    def __init__(
        self,
        accepted: socket.socket,
        requests: Requests,
        board: Board,
        workers: Workers,
        vigil: Vigil,
    ) -> None:
        """Take over an accepted socket."""
        self._socket = accepted
        self._requests = requests
        self._board = board
        self._workers = workers
        self._vigil = vigil
        self._room = threading.BoundedSemaphore(MOST_WAITING)
        self._sending = threading.Lock()
        self._subscription: Subscription | None = None

    def run(self) -> None:
        """Answer until the client leaves."""
        try:
            with self._socket, self._socket.makefile("rb") as stream, suppress(OSError):
                while line := stream.readline(MAX_LINE + 1):
                    if len(line) > MAX_LINE:
                        message = f"a request may have {MAX_LINE} bytes"
                        self._send(Response(id=None, error=wire_error(TooLargeError(message))))
                        break
                    with self._vigil.work("connection", LIMIT):
                        self._receive(line)
        finally:
            if self._subscription:
                self._board.unsubscribe(self._subscription)

    def close(self) -> None:
        """Hang up."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def _receive(self, line: bytes) -> None:
        try:
            request = parse(line)
        except CinepiError as error:
            self._send(Response(id=None, error=wire_error(error)))
            return
        if self._subscription is None and self._requests.watches(request):
            # Watch first and look then: whatever changes in between is told twice, never missed.
            self._subscription = self._board.subscribe()
            self._answer(request)
            threading.Thread(
                target=self._tell, args=(self._subscription,), name="watcher", daemon=True
            ).start()
        elif (lane := self._requests.lane(request)) is None:
            self._answer(request)
        elif self._room.acquire(blocking=False):
            self._answer_later(request, lane)
        else:
            self._send(_busy(request.id, f"{MOST_WAITING} requests of yours are waiting already"))

    def _answer_later(self, request: Request, lane: Lane) -> None:
        """Answer in a worker; where there are none any more, the client is hung up on anyway."""

        def answer() -> None:
            try:
                self._answer(request)
            finally:
                self._room.release()

        if not self._workers.submit(lane, answer):
            self._room.release()

    def _answer(self, request: Request) -> None:
        try:
            with self._vigil.work(request.method, self._requests.limit(request.method)):
                response = self._requests.answer(request)
        except CinepiError as error:
            response = Response(id=request.id, error=wire_error(error))
        except Exception:  # noqa: BLE001 - whatever a method does, its connection is answered
            _log.exception("request failed", method=request.method)
            failure = InternalError(
                f"{request.method} failed; the log of the camera service says why"
            )
            response = Response(id=request.id, error=wire_error(failure))
        if request.id is not None:
            with suppress(OSError):  # the client has left: whatever was recorded stays recorded
                self._send(response)

    def _tell(self, subscription: Subscription) -> None:
        with suppress(OSError), self._vigil.work("watcher", LIMIT, subscription.progress):
            while (news := subscription.wait()) is not None:
                for notification in news:
                    self._send(notification)

    def _send(self, message: Response | Request) -> None:
        with self._sending:
            try:
                self._send_all(_line(message))
            except OSError:
                self.close()  # half a line would make nonsense of all that follows
                raise

    def _send_all(self, line: bytes) -> None:
        """Send it in at most twice `SEND_LIMIT`, however slowly the client reads."""
        end = time.monotonic() + SEND_LIMIT
        left = memoryview(line)
        while left:
            left = left[self._socket.send(left[:_PIECE]) :]
            if left and time.monotonic() > end:
                raise TimeoutError("the client reads too slowly")


def _line(message: Response | Request) -> bytes:
    return msgspec.json.encode(message) + b"\n"


def _busy(request_id: int | None, message: str) -> Response:
    return Response(id=request_id, error=wire_error(BusyError(message)))
