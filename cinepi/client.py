"""The way in: a blocking client of the camera service, for the command line and scripts.

It imports little, because people wait for it. Where no service listens it starts one, detached;
that one leaves again when it has been idle.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import msgspec

from cinepi.errors import (
    BY_CODE,
    CameraUnavailableError,
    CinepiError,
    DeadlineError,
    InternalError,
    PermissionDeniedError,
    Problem,
)
from cinepi.paths import Layout
from cinepi.protocol import MAX_LINE, Command, NoParams, Params, Request, Response, WireError
from cinepi.units import Seconds

ResultT = TypeVar("ResultT")

START_LIMIT: Seconds = 10.0
"""How long a service that was just started may take until it listens."""
IDLE_LIMIT: Seconds = 30.0
"""How long a service started by a client stays without a session and without clients."""

_LONGEST_ADDRESS = 100  # sun_path holds 108 bytes on Linux
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
    problems = [Problem(field, message) for field, message in wire.problems]
    return BY_CODE.get(wire.code, InternalError)(wire.message, *problems)


class Client:
    """One connection to the camera service."""

    def __init__(self, connection: socket.socket) -> None:
        """Take over a connected socket."""
        self._socket = connection
        self._stream = connection.makefile("rb")
        self._last_id = 0

    @classmethod
    def connect(cls, layout: Layout, *, start: bool = True) -> Self:
        """Connect to the service of `layout`, and start one if none listens and `start` is set.

        Blocks for at most `START_LIMIT`.

        Raises:
            CameraUnavailableError: No service listens, and none could be started.
            PermissionDeniedError: The user may not use the socket.
        """
        connection = _try_connect(layout)
        if connection is None and start:
            connection = _start_service(layout)
        if connection is None:
            message = f"no camera service listens on {layout.socket}"
            raise CameraUnavailableError(message)
        return cls(connection)

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
        self._last_id += 1
        raw = msgspec.Raw(msgspec.json.encode(params or NoParams()))
        request = Request(method=method, params=raw, id=self._last_id, command=command)
        self._socket.settimeout(timeout)
        try:
            self._socket.sendall(msgspec.json.encode(request) + b"\n")
            response = self._await_response(self._last_id)
        except TimeoutError as error:
            message = f"the camera service did not answer {method} within {timeout:g} s"
            raise DeadlineError(message) from error
        except OSError as error:
            message = f"the connection to the camera service broke: {error}"
            raise CameraUnavailableError(message) from error
        if response.error is not None:
            raise error_from(response.error)
        return msgspec.json.decode(response.result or b"null", type=result)

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

    def _await_response(self, request_id: int) -> Response:
        while line := self._stream.readline(MAX_LINE):
            response = msgspec.json.decode(line, type=Response)
            if response.id == request_id:
                return response
        message = "it closed the connection"
        raise ConnectionResetError(message)


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


def _start_service(layout: Layout) -> socket.socket:
    """Start a service that outlives this process, and connect to it."""
    command = [sys.executable, "-m", "cinepi.service", "--root", str(layout.root)]
    service = subprocess.Popen(
        [*command, "--idle-exit", f"{IDLE_LIMIT:g}"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    deadline = time.monotonic() + START_LIMIT
    while time.monotonic() < deadline:
        if connection := _try_connect(layout):
            return connection
        if service.poll() is not None and not (connection := _try_connect(layout)):
            _, said = service.communicate()
            message = f"the camera service did not start: {said.decode(errors='replace').strip()}"
            raise CameraUnavailableError(message)
        with suppress(subprocess.TimeoutExpired):
            service.wait(_RETRY_PERIOD)
    message = f"the camera service did not listen within {START_LIMIT:g} s"
    raise CameraUnavailableError(message)
