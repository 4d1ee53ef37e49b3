"""The shipped broker configurations on free ports, with credentials from make-credentials."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest

from tests.broker.house.client import MosquittoClient, wait_until
from tests.machine import free_port

SHIPPED = Path(__file__).parents[3] / "mosquitto"
DEVICES = ("garden", "roof")
USERS = ("operator", "homeassistant", "monitor")


def answers(port: int) -> bool:
    """Whether something listens there."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def _answers_or_ended(port: int, running: subprocess.Popen[bytes]) -> bool:
    return answers(port) or running.poll() is not None


@contextmanager
def broker(config: str, folder: Path, *ports: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run mosquitto with `config` until the block ends; all `ports` answer when it begins."""
    folder.mkdir(exist_ok=True)
    file = folder / "mosquitto.conf"
    file.write_text(f"user root\nlog_dest file {folder}/log\n{config}")
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    assert program, "mosquitto is missing"
    # in its folder, since that is where it keeps what persists
    running = subprocess.Popen([program, "-c", file], stderr=subprocess.DEVNULL, cwd=folder)
    try:
        for port in ports:
            wait_until(partial(_answers_or_ended, port, running))
        assert running.poll() is None, (folder / "log").read_text()
        yield running
    finally:
        running.terminate()
        running.wait(10)


def make_credentials(folder: Path, *arguments: str) -> str:
    """Run the shipped command; `folder` is where it writes. Returns what it said."""
    done = subprocess.run(
        [SHIPPED / "make-credentials", "--folder", folder, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


class House:
    """A house broker and what its clients were given."""

    def __init__(self, folder: Path) -> None:
        """Make the credentials and choose ports; nothing runs yet."""
        self.folder = folder
        self.credentials = folder / "credentials"
        self.port = free_port()
        self.certificate_port = free_port()
        users = [word for user in USERS for word in ("--user", user)]
        make_credentials(self.credentials, "--server", "localhost,127.0.0.1", *users, *DEVICES)

    @property
    def config(self) -> str:
        """The shipped configuration, with this test's ports and folders."""
        return (
            (SHIPPED / "house.conf")
            .read_text()
            .replace("/etc/mosquitto/cinepi.acl", str(SHIPPED / "house.acl"))
            .replace("/etc/mosquitto/cinepi/", f"{self.credentials}/broker/")
            .replace("listener 8883", f"listener {self.port} 127.0.0.1")
            .replace("listener 8884", f"listener {self.certificate_port} 127.0.0.1")
        )

    def run(self) -> AbstractContextManager[subprocess.Popen[bytes]]:
        """The broker, for a `with` block."""
        return broker(self.config, self.folder / "run", self.port, self.certificate_port)

    @property
    def ca(self) -> Path:
        """The authority that everybody here trusts."""
        return self.credentials / "authority/ca.crt"

    def password(self, name: str) -> str:
        """What `name` logs in with."""
        if name in USERS:
            return (self.credentials / f"users/{name}.password").read_text()
        return (self.credentials / f"devices/{name}/mqtt.password").read_text()

    def client(self, name: str | None, password: str | None = None) -> MosquittoClient:
        """A client that logs in with its own password, or the one given; not yet connected."""
        client = MosquittoClient(self.port, ca=self.ca)
        if name is not None:
            client.log_in(name, password if password is not None else self.password(name))
        return client

    def connected(self, name: str) -> MosquittoClient:
        """A client that is in."""
        client = self.client(name)
        assert client.connect() == "Success"
        return client


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A running house broker."""
    made = House(tmp_path_factory.mktemp("house"))
    with made.run():
        yield made
