"""One broker with two real devices for all tests here, and brokers with simulated fleets."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.broker.running import RunningBroker, RunningDaemon, wait_for
from tests.fleet.operator import Ctl, Stranger
from tests.service.running import RunningService

GROUPS = {"garden": ["north"], "roof": ["north", "south"]}


@dataclass
class House:
    """A broker and real devices, each with its camera service."""

    broker: RunningBroker
    folder: Path
    daemons: dict[str, RunningDaemon]

    def restart(self, device: str) -> None:
        """Stop a daemon and start it again."""
        self.daemons[device].terminate()
        self.daemons[device] = self.start(device)

    def close(self) -> None:
        """Stop all daemons."""
        for daemon in self.daemons.values():
            daemon.kill()

    def start(self, device: str) -> RunningDaemon:
        """Start a daemon."""
        settings = {"id": device, "groups": GROUPS[device]}
        return RunningDaemon.start(self.folder / device, self.broker.port, device=settings)


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Two devices that work."""
    folder = tmp_path_factory.mktemp("house")
    with ExitStack() as stack:
        broker = RunningBroker(folder / "broker")
        broker.start()
        stack.callback(broker.stop)
        house = House(broker, folder, {})
        for device in GROUPS:
            (folder / device).mkdir()
            stack.callback(RunningService.start(folder / device).close)
            house.daemons[device] = house.start(device)
        stack.callback(house.close)
        yield house


@pytest.fixture
def ctl(house: House, tmp_path: Path) -> Ctl:
    """The client on the real devices' broker."""
    ctl = Ctl(house.broker.port, tmp_path)
    wait_for(lambda: ctl("ping", *GROUPS).code == 0)
    return ctl


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Ends what a test has started."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def empty_broker(tmp_path: Path, stack: ExitStack) -> RunningBroker:
    """A broker of a test's own."""
    broker = RunningBroker(tmp_path / "broker")
    stack.callback(broker.stop)
    broker.start()
    return broker


@pytest.fixture
def lone(empty_broker: RunningBroker, tmp_path: Path) -> Ctl:
    """The client on the broker of a test's own."""
    return Ctl(empty_broker.port, tmp_path)


@pytest.fixture
def stranger(empty_broker: RunningBroker, stack: ExitStack) -> Stranger:
    """A client on the broker of a test's own."""
    stranger = Stranger(empty_broker.port)
    stack.callback(stranger.close)
    return stranger


@pytest.fixture
def simulate(empty_broker: RunningBroker, stack: ExitStack) -> Callable[..., None]:
    """Starts simulated devices on the broker of a test's own."""

    def start(devices: int, *options: str) -> None:
        module = "benchmarks.parts.simulated_fleet"
        command = [sys.executable, "-m", module, "--port", str(empty_broker.port)]
        process = subprocess.Popen(
            [*command, "--devices", str(devices), *options], stdout=subprocess.PIPE, text=True
        )
        stack.callback(process.wait, 20)
        stack.callback(process.terminate)
        assert process.stdout
        stack.callback(process.stdout.close)
        assert "online" in process.stdout.readline()

    return start
