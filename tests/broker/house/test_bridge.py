"""The bridge from a Pi's own broker to the house's: what crosses, and what a cut costs."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.broker.house.client import MosquittoClient, wait_until
from tests.broker.house.conftest import SHIPPED, House, broker
from tests.faults.proxy import Proxy
from tests.machine import free_port

WHILE_CUT = 200


class Bridged:
    """A house, and a Pi whose broker is bridged to it."""

    def __init__(self, folder: Path) -> None:
        """Make both configurations; nothing runs yet."""
        self.house = House(folder)
        self.port = free_port()
        self._way = free_port()
        made = (self.house.credentials / "devices/garden/bridge.conf").read_text()
        local = (SHIPPED / "local.conf").read_text().replace("listener 1883 ::1\n", "")
        self.config = local.replace(
            "listener 1883 127.0.0.1", f"listener {self.port} 127.0.0.1"
        ) + made.replace("/etc/mosquitto/cinepi/ca.crt", str(self.house.ca)).replace(
            "localhost:8883", f"localhost:{self._way}"
        ).replace("restart_timeout 2 30", "restart_timeout 1 1")
        self.folder = folder / "pi"

    @contextmanager
    def crossing(self) -> Iterator[None]:
        """Let the bridge through to the house, within a second.

        Whoever is to hear the first that crosses subscribes before.
        """
        with closing(Proxy(self.house.port, self._way)):
            yield

    def on_the_pi(self) -> MosquittoClient:
        """A client of the Pi's broker, connected."""
        client = MosquittoClient(self.port)
        assert client.connect() == "Success"
        return client


@pytest.fixture
def bridged(tmp_path: Path) -> Iterator[Bridged]:
    """The two, with the Pi's broker running and the house's not yet."""
    made = Bridged(tmp_path)
    with broker(made.config, made.folder, made.port):
        yield made


def wait_for_bridge(client: MosquittoClient, state: bytes) -> None:
    """Take messages until the bridge says `state`."""
    wait_until(lambda: client.next() == ("cinepi/garden/bridge/up", state))


def test_what_crosses_the_bridge(bridged: Bridged) -> None:
    """States, events and answers reach the house, commands reach the Pi, and nothing else does."""
    with (
        bridged.house.run(),
        bridged.crossing(),
        bridged.house.connected("operator") as operator,
        bridged.on_the_pi() as daemon,
    ):
        operator.subscribe("cinepi/#")
        wait_for_bridge(operator, b"1")
        daemon.subscribe("cinepi/+/cmd/#", "cinepi/_all/cmd/#")
        daemon.publish("cinepi/roof/status", "another's tree stays here")
        daemon.publish("cinepi/garden/cmd/snapshot/take", "said on the Pi, stays on the Pi")
        daemon.publish("cinepi/garden/status", "online", retain=True)
        daemon.publish("cinepi/garden/event/capture_stored", "7")
        operator.publish("cinepi/garden/cmd/session/stop", "from the house")
        heard = [operator.next() for _ in range(3)]
        assert ("cinepi/garden/status", b"online") in heard
        assert ("cinepi/garden/event/capture_stored", b"7") in heard
        assert ("cinepi/garden/cmd/session/stop", b"from the house") in heard
        assert daemon.next()[1] == b"said on the Pi, stays on the Pi"
        assert daemon.next() == ("cinepi/garden/cmd/session/stop", b"from the house")
        operator.publish("cinepi/_all/cmd/snapshot/take")
        assert daemon.next()[0] == "cinepi/_all/cmd/snapshot/take"
        assert operator.next()[0] == "cinepi/_all/cmd/snapshot/take"
        assert operator.messages.empty()  # above all, not the command a second time


def test_events_of_a_cut_arrive_in_order(bridged: Bridged) -> None:
    """Events published while the house is away arrive there when it is back, complete, in order."""
    with bridged.on_the_pi() as daemon:
        with bridged.house.run(), bridged.house.connected("monitor") as before:
            before.subscribe("cinepi/#")
            with bridged.crossing():
                wait_for_bridge(before, b"1")
        for number in range(WHILE_CUT):
            daemon.publish("cinepi/garden/event/capture_stored", json.dumps({"seq": number}))
        with bridged.house.run(), bridged.house.connected("monitor") as after:
            after.subscribe("cinepi/garden/event/#")
            with bridged.crossing():
                arrived = [json.loads(after.next()[1])["seq"] for _ in range(WHILE_CUT)]
        assert arrived == list(range(WHILE_CUT))


def test_house_is_told_of_a_lost_bridge(tmp_path: Path) -> None:
    """When a Pi's broker is killed, the house says so: the camera's own status cannot."""
    made = Bridged(tmp_path)
    with made.house.run(), made.crossing(), made.house.connected("monitor") as monitor:
        monitor.subscribe("cinepi/garden/bridge/up")
        with broker(made.config, made.folder, made.port) as pi:
            wait_for_bridge(monitor, b"1")
            pi.kill()
            wait_for_bridge(monitor, b"0")
