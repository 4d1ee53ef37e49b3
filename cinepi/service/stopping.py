"""The wish that the process stops: a signal's, or one of its own parts'."""

import select
import signal
import socket
from contextlib import suppress

from cinepi.units import Seconds


class Stopping:
    """Hears SIGTERM and SIGINT from its making on; must be made by the main thread.

    The kernel gives a signal to any thread, and one that is not the main thread wakes it for
    nobody: Python's handler would run when the main thread next happens to do something. A byte in
    a socket wakes it at once.
    """

    def __init__(self) -> None:
        """Hear signals."""
        self._wake, self._woken = socket.socketpair()
        self._wake.setblocking(False)  # noqa: FBT003 - the standard library's own
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)

    def ask(self) -> None:
        """Wish it, from any thread."""
        with suppress(BlockingIOError):  # so many have wished it already
            self._wake.send(b"\0")

    def wait(self, limit: Seconds) -> bool:
        """Whether it is wished, at the latest after `limit`."""
        return bool(select.select([self._woken], [], [], limit)[0])
