"""Ways to a broker that are not smooth."""

import socket

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

    def _forward(self, ready: socket.socket, data: bytes) -> bool:
        is_cut = self.is_down and b"MQTT\x05" in data
        return not is_cut and super()._forward(ready, data)
