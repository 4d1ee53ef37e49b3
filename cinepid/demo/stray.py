"""A camera service that a command line has started in the demo's folder."""

import os
import select
import signal
import socket
import struct
from contextlib import suppress
from pathlib import Path

from cinepi.client import short_address
from cinepi.paths import Layout
from cinepi.units import Seconds

STOP_LIMIT: Seconds = 8.0
"""How long it may take to end."""

_CREDENTIALS = struct.Struct("3i")  # struct ucred: pid, uid, gid
_OF_A_CLIENT = b"--idle-exit"  # what only a service started by a client is told


def end(layout: Layout) -> str | None:
    """End the service below `layout` that a client has started; says so where there was one.

    It would keep the demo's own from starting, and take pictures after the demo has ended. Blocks
    for at most `STOP_LIMIT`.
    """
    pid = _listener(layout)
    if pid is None:
        return None
    with suppress(OSError):  # it has ended meanwhile, or is another user's
        descriptor = os.pidfd_open(pid)
        try:
            if _OF_A_CLIENT not in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
                return None
            signal.pidfd_send_signal(descriptor, signal.SIGTERM)
            select.select([descriptor], [], [], STOP_LIMIT)
        finally:
            os.close(descriptor)
        return "a camera service that a command line had started makes room"
    return None


def _listener(layout: Layout) -> int | None:
    """The process that listens on the service's socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            with short_address(layout.socket) as address:
                connection.connect(address)
            found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        except OSError:
            return None
    pid: int = _CREDENTIALS.unpack(found)[0]
    return pid
