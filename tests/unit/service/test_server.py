"""The socket: who is answered, who is told, and who has to wait for whom."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from cinepi.envelope import MAX_LINE
from cinepi.service.listening import listen
from cinepi.service.parts import Parts
from cinepi.service.requests import Requests
from cinepi.service.server import MOST_WAITING, Server
from cinepi.service.workers import THREADS, Workers
from cinepi.vigil import Vigil
from tests.unit.camera.bench import MovingClock

LIMIT = 10.0


@dataclass
class Line:
    """One client's connection."""

    socket: socket.socket

    def send(self, method: str, number: int | None = 1, **params: object) -> None:
        """Ask."""
        request = {"jsonrpc": "2.0", "method": method, "id": number, "params": params}
        self.socket.sendall(json.dumps(request).encode() + b"\n")

    def hear(self) -> dict[str, Any]:
        """The next line."""
        line = b""
        while not line.endswith(b"\n"):
            piece = self.socket.recv(1)
            assert piece, f"hung up on after {line!r}"
            line += piece
        heard: dict[str, Any] = json.loads(line)
        return heard

    def ask(self, method: str, **params: object) -> dict[str, Any]:
        """Ask, and hear the answer."""
        self.send(method, 1, **params)
        return self.hear()


@dataclass
class House:
    """A server that serves; nothing else of the service runs, so the camera never comes."""

    parts: Parts
    server: Server

    @contextmanager
    def client(self) -> Iterator[Line]:
        """One more connection."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(LIMIT)
            connection.connect(str(self.parts.layout.socket))
            yield Line(connection)


@pytest.fixture
def house(parts: Parts, clock: MovingClock) -> Iterator[House]:
    """One on a real socket."""
    parts.layout.socket.parent.mkdir(parents=True)
    hung: list[str] = []
    with ExitStack() as stack:
        listener = stack.enter_context(listen(parts.layout))
        vigil = Vigil(clock, hung.append)
        server = Server(listener, Requests(parts), parts.board, clock, vigil)
        thread = threading.Thread(target=server.serve, name="server")
        thread.start()
        yield House(parts, server)
        server.close()
        thread.join(LIMIT)
    assert not thread.is_alive()
    assert hung == []


def test_a_question_is_answered(house: House) -> None:
    """With the number of its request; an unknown one too."""
    with house.client() as client:
        assert client.ask("ping")["result"]["boot"] == "0badcafe"
        answer = client.ask("png")
        assert (answer["id"], answer["error"]["code"]) == (1, "unknown_command")


def test_snapshots_that_wait_hold_nobody_else(house: House) -> None:
    """However many clients wait for the camera, health and session are answered."""
    with ExitStack() as stack:
        for number in range(2 * sum(THREADS.values())):
            stack.enter_context(house.client()).send("snapshot.take", number)
        client = stack.enter_context(house.client())
        assert client.ask("health.get")["result"]["file_system"]["state"] == "ok"
        client.ask("session.start", interval=60)
        assert client.ask("session.stop")["result"]["state"] == "idle"


def test_a_client_with_too_many_requests_is_told(house: House) -> None:
    """The others wait on."""
    with house.client() as client:
        for number in range(MOST_WAITING + 1):
            client.send("snapshot.take", number)
        answer = client.hear()
        assert (answer["id"], answer["error"]["code"]) == (MOST_WAITING, "busy")


def test_a_watcher_is_told_what_changes(house: House) -> None:
    """First all that is, then each change, and that the journal grew."""
    with house.client() as client:
        watched = client.ask("watch")["result"]
        assert watched["session"]["state"] == "idle"
        with house.client() as other:
            other.ask("session.start", interval=60)
        told = [client.hear(), client.hear()]
        assert {each["method"] for each in told} == {"state", "journal"}


def test_what_is_no_request_is_told_and_the_next_is_answered(house: House) -> None:
    """A line that is too long ends the conversation."""
    with house.client() as client:
        client.socket.sendall(b"hello\n")
        assert client.hear()["error"]["code"] == "invalid_argument"
        assert "result" in client.ask("ping")
        client.socket.sendall(b" " * (MAX_LINE + 1))
        assert client.hear()["error"]["code"] == "too_large"
        assert client.socket.recv(1) == b""


def test_a_request_while_the_service_closes_is_no_traceback(house: House) -> None:
    """It is hung up on; nothing is begun that nobody waits for."""
    workers = Workers()
    workers.close()
    assert workers.submit("work", lambda: None) is False
    with house.client() as client:
        client.ask("ping")
        house.server.close()
        client.socket.settimeout(LIMIT)
        assert client.socket.recv(1) == b""


def test_who_was_there_last_is_known(house: House, clock: MovingClock) -> None:
    """A service that nobody needs leaves after a while."""
    with house.client() as client:
        client.ask("ping")
        assert house.server.connections == 1
    clock.offset += 60
    with house.client() as client:
        client.ask("ping")
    deadline = threading.Event()
    while house.server.connections:
        assert not deadline.wait(0.01)
    assert clock.monotonic() - house.server.last_used < LIMIT
