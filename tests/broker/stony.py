"""Ways to a broker that are not smooth."""

import socket
from contextlib import suppress

from tests.broker.running import wait_for
from tests.faults.proxy import Proxy


class SomeHangUps(Proxy):
    """Hangs up on MQTT 5, as somebody does who passes connections on to a broker that is down."""

    is_down = False

    def cut(self) -> None:
        """End what there is, and go on."""
        self.set_mood("hang_up")
        wait_for(lambda: not self._peers)
        self.set_mood("forward")

    def _pass_on(self, ready: socket.socket) -> None:
        data = b""
        with suppress(OSError):  # noticed below
            data = ready.recv(64, socket.MSG_PEEK)
        if self.is_down and b"MQTT\x05" in data:
            self._end(ready)
        else:
            super()._pass_on(ready)
