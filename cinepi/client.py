"""The way in: a blocking client of the camera service, for the command line and scripts.

It imports little, because people wait for it: the messages' types cost 40 ms on a fast machine and
come only with the first typed `call`. Where no service listens it starts one, detached; that one
leaves again when it has been idle.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Self, TypeVar

from cinepi.errors import (
    BY_CODE,
    CameraUnavailableError,
    CinepiError,
    DeadlineError,
    InternalError,
    PermissionDeniedError,
    Problem,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from types import TracebackType

    from cinepi.envelope import Command, Response, WireError
    from cinepi.paths import Layout
    from cinepi.protocol import Params
    from cinepi.units import Bytes, Seconds

AnswerT = TypeVar("AnswerT")
ResultT = TypeVar("ResultT")

START_LIMIT: Seconds = 10.0
"""How long a service that was just started may take until it listens."""
IDLE_LIMIT: Seconds = 30.0
"""How long a service started by a client stays without a session and without clients."""

_LONGEST_LINE: Bytes = 4 * 1024 * 1024  # as cinepi.envelope.MAX_LINE, which costs an import
_LONGEST_ADDRESS: Bytes = 100  # sun_path holds 108 bytes on Linux
_RETRY_PERIOD: Seconds = 0.02


@contextmanager
def short_address(path: Path) -> Iterator[str]:
    """A spelling of `path` that fits a Unix socket's address, however long the path is."""
    if len(os.fsencode(path)) <= _LONGEST_ADDRESS:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def error_from(wire: WireError) -> CinepiError:
    """Make the error again that the service raised."""
    return _error(wire.code, wire.message, wire.problems)


class Client:
    """One connection to the camera service; for one thread at a time.

    Attributes:
        is_first: Whether the service was started for this client, and may still open the camera.
    """

    def __init__(self, connection: socket.socket, *, is_first: bool = False) -> None:
        """Take over a connected socket."""
        self.is_first = is_first
        self._socket = connection
        self._stream = connection.makefile("rb")
        self._last_id = 0

    @classmethod
    def connect(cls, layout: Layout, *, start: bool = True, limit: Seconds = START_LIMIT) -> Self:
        """Connect to the service of `layout`, and start one if none listens and `start` is set.

        Blocks for at most `limit` seconds, and only where it starts one.

        Raises:
            CameraUnavailableError: No service listens, and none could be started.
            PermissionDeniedError: The user may not use the socket.
        """
        if connection := _try_connect(layout):
            return cls(connection)
        if not start:
            raise CameraUnavailableError(f"no camera service listens on {layout.socket}")
        return cls(_start_service(layout, limit), is_first=True)

    def ask(
        self,
        method: str,
        params: Mapping[str, object] | None = None,
        *,
        timeout: Seconds = 30.0,
    ) -> Any:
        """Ask for `method` in plain JSON values, and return its answer as such.

        What `call` says holds here too; this one spares the import of the messages' types.
        """
        request = {"jsonrpc": "2.0", "method": method, "params": params or {}}
        answer: dict[str, Any] = self._exchange(
            method,
            lambda number: json.dumps(request | {"id": number}).encode(),
            json.loads,
            lambda answer: answer.get("id"),
            timeout,
        )
        if error := answer.get("error"):
            raise _error(error["code"], error["message"], error.get("problems") or ())
        return answer.get("result")

    def call(
        self,
        method: str,
        result: type[ResultT],
        params: Params | None = None,
        *,
        command: Command | None = None,
        timeout: Seconds = 30.0,
    ) -> ResultT:
        """Ask for `method` and wait for its answer, for at most `timeout` seconds.

        Raises:
            CinepiError: What the service answered; each code has its class.
            DeadlineError: No answer in time.
            CameraUnavailableError: The service went away.
        """
        import msgspec  # noqa: PLC0415 - see the module's docstring

        from cinepi.envelope import Request, Response  # noqa: PLC0415
        from cinepi.protocol import NoParams  # noqa: PLC0415

        raw = msgspec.Raw(msgspec.json.encode(params or NoParams()))

        def encode(number: int) -> bytes:
            request = Request(method=method, params=raw, id=number, command=command)
            return msgspec.json.encode(request)

        decode = msgspec.json.Decoder(Response).decode
        answer: Response = self._exchange(method, encode, decode, lambda answer: answer.id, timeout)
        if answer.error is not None:
            raise error_from(answer.error)
        return msgspec.json.decode(answer.result, type=result)

    def close(self) -> None:
        """End the connection."""
        self._stream.close()
        self._socket.close()

    def __enter__(self) -> Self:
        """Use the client in a `with` block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the connection."""
        self.close()

    def _exchange(
        self,
        method: str,
        encode: Callable[[int], bytes],
        decode: Callable[[bytes], AnswerT],
        number_of: Callable[[AnswerT], int | None],
        timeout: Seconds,
    ) -> AnswerT:
        """Send one request and wait for the answer of the same number; late others are skipped.

        One without a number is an error that the service tells before it hangs up.
        """
        self._last_id += 1
        deadline = time.monotonic() + timeout
        try:
            self._socket.settimeout(timeout)
            with suppress(BrokenPipeError, ConnectionResetError):  # it may have said why
                self._socket.sendall(encode(self._last_id) + b"\n")
            while line := self._stream.readline(_LONGEST_LINE):
                answer = decode(line)
                if number_of(answer) in (self._last_id, None):
                    return answer
                self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
        except TimeoutError as error:
            message = f"the camera service did not answer {method} within {timeout:g} s"
            raise DeadlineError(message) from error
        except OSError as error:
            message = f"the connection to the camera service broke: {error}"
            raise CameraUnavailableError(message) from error
        except ValueError as error:
            message = f"the camera service's answer to {method} could not be read: {error}"
            raise InternalError(message) from error
        raise CameraUnavailableError(f"the camera service went away during {method}")


def _error(code: str, message: str, problems: Any) -> CinepiError:
    listed = [Problem(field, words) for field, words in problems]
    return BY_CODE.get(code, InternalError)(message, *listed)


def _try_connect(layout: Layout) -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with short_address(layout.socket) as address:
            connection.connect(address)
    except PermissionError as error:
        connection.close()
        message = f"no permission to use {layout.socket}: is this user in the group cinepi?"
        raise PermissionDeniedError(message) from error
    except OSError:
        connection.close()
        return None
    return connection


def _start_service(layout: Layout, limit: Seconds) -> socket.socket:
    """Start a service that outlives this process, and connect to it."""
    import subprocess  # noqa: PLC0415 - a connection to a running service needs none of these
    import tempfile  # noqa: PLC0415

    command = [sys.executable, "-m", "cinepi.service", "--root", str(layout.root)]
    with tempfile.TemporaryFile() as said:  # a pipe would break when this process ends
        service = subprocess.Popen(
            [*command, "--idle-exit", f"{IDLE_LIMIT:g}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=said,
            start_new_session=True,
        )
        deadline = time.monotonic() + limit
        while time.monotonic() < deadline:
            if connection := _try_connect(layout):
                service.returncode = service.returncode or 0  # it is left alone on purpose
                return connection
            with suppress(subprocess.TimeoutExpired):
                service.wait(_RETRY_PERIOD)
                if connection := _try_connect(layout):  # another one was faster
                    return connection
                said.seek(0)
                words = said.read().decode(errors="replace").strip()
                raise CameraUnavailableError(f"the camera service did not start: {words}")
    message = f"the camera service did not listen within {limit:g} s"
    raise CameraUnavailableError(message)
