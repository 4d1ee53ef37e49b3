"""A TCP proxy between the daemon and its broker that misbehaves on request."""

import contextlib
import selectors
import socket
import threading
from typing import Literal

Mood = Literal["forward", "swallow", "hang_up"]
"""As it should be; takes everything and passes nothing on, as a half-open connection does; closes
every connection at once."""

_CHUNK = 65536


class Proxy:
    """Listens on a port of its own and passes bytes on to another; one thread."""

    def __init__(self, target: int, port: int = 0) -> None:
        """Start, on a given `port` or any that is free."""
        self._target = target
        self._mood: Mood = "forward"
        self._peers: dict[socket.socket, socket.socket] = {}
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listener.getsockname()[1]
        self._wake, self._woken = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        for each in (self._listener, self._woken):
            self._selector.register(each, selectors.EVENT_READ)
        self._lock = threading.Lock()
        self._is_closing = False
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)
        self._thread.start()

    def set_mood(self, mood: Mood) -> None:
        """Behave so from now on; `hang_up` ends what there is."""
        with self._lock:
            self._mood = mood
        self._wake.send(b"\0")

    def close(self) -> None:
        """Stop."""
        self._is_closing = True
        self._wake.send(b"\0")
        self._thread.join()

    def _run(self) -> None:
        while not self._is_closing:
            for key, _ in self._selector.select():
                ready = key.fileobj
                assert isinstance(ready, socket.socket)
                if ready is self._woken:
                    self._woken.recv(_CHUNK)
                    if self._mood == "hang_up":
                        self._end_all()
                elif ready is self._listener:
                    self._accept()
                elif ready in self._peers:
                    self._pass_on(ready)
        self._end_all()
        for each in (self._listener, self._wake, self._woken):
            each.close()
        self._selector.close()

    def _accept(self) -> None:
        near, _ = self._listener.accept()
        if self._mood == "hang_up":
            near.close()
            return
        try:
            far = socket.create_connection(("127.0.0.1", self._target))
        except OSError:
            near.close()
            return
        for one, other in ((near, far), (far, near)):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._peers[one] = other
            self._selector.register(one, selectors.EVENT_READ)

    def _pass_on(self, ready: socket.socket) -> None:
        try:
            data = ready.recv(_CHUNK)
            goes_on = bool(data) and (self._mood != "forward" or self._forward(ready, data))
        except OSError:
            goes_on = False
        if not goes_on:
            self._end(ready)

    def _forward(self, ready: socket.socket, data: bytes) -> bool:
        """Give what came to the other side; False to hang up on both."""
        self._peers[ready].sendall(data)
        return True

    def _end(self, one: socket.socket) -> None:
        other = self._peers.pop(one)
        self._peers.pop(other, None)
        for each in (one, other):
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(each)
            each.close()

    def _end_all(self) -> None:
        while self._peers:
            self._end(next(iter(self._peers)))
