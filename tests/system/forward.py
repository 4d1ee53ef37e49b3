"""A TCP port of a machine's own loopback, made reachable from here."""

import ctypes
import socket
import threading
from contextlib import suppress
from pathlib import Path

_CLONE_NEWNET = 0x40000000  # linux/sched.h
_CHUNK = 65536


class Forward:
    """Accepts connections here and carries them into the network of another process."""

    def __init__(self, process: int, port: int) -> None:
        """Listen on a free port, for connections to `port` where `process` lives."""
        self._network = Path(f"/proc/{process}/ns/net")
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._serve, name=f"forward-{port}")
        self._thread.start()

    def close(self) -> None:
        """Cut every connection and accept no more."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        with self._lock:
            for end in self._open:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def _serve(self) -> None:
        # Only this thread moves into the other network; a listening socket stays where it was made.
        with self._network.open("rb") as network:
            if ctypes.CDLL(None, use_errno=True).setns(network.fileno(), _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
        with suppress(OSError):
            while True:
                here, _ = self._listener.accept()
                try:
                    there = socket.create_connection(("127.0.0.1", self._target), timeout=5)
                except OSError:
                    here.close()
                    continue
                there.settimeout(None)
                threading.Thread(target=self._carry, args=(here, there), name="carry").start()

    def _carry(self, here: socket.socket, there: socket.socket) -> None:
        ends = {here, there}
        with self._lock:
            self._open |= ends
        back = threading.Thread(target=_copy, args=(there, here), name="carry-back")
        back.start()
        _copy(here, there)
        back.join()
        with self._lock:
            self._open -= ends
        for end in ends:
            end.close()


def _copy(source: socket.socket, target: socket.socket) -> None:
    """Copy until either end closes, then end both."""
    with suppress(OSError):
        while data := source.recv(_CHUNK):
            target.sendall(data)
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
