"""Clients that ask for too much: they are told so, and pictures go on."""

import ctypes
import json
import resource
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from cinepi.client import Client, short_address
from cinepi.clock import rfc3339
from cinepi.errors import BusyError, CameraUnavailableError
from cinepi.model.documents import SessionDocument
from cinepi.protocol import PingResult
from cinepi.service.server import MOST_CLIENTS, MOST_WAITING
from cinepi.vigil import TURN
from tests.service.running import LIMIT, RunningService, wait_for
from tests.stalls import awake_until

Start = Callable[..., RunningService]

TOO_MANY = 30


@contextmanager
def connected(service: RunningService) -> Iterator[socket.socket]:
    """A connection without any manners."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(LIMIT)

        def try_it() -> bool:
            with short_address(service.layout.socket) as address:
                try:
                    connection.connect(address)
                except BlockingIOError:  # it has not come round to those before
                    return False
            return True

        wait_for(try_it)
        yield connection


def code_of(line: bytes) -> str:
    """The code of an error that was answered."""
    return str(json.loads(line)["error"]["code"])


def test_too_many_clients_are_turned_away(service: RunningService) -> None:
    """One more than there may be is told so at once; with a place free, the next is served."""
    service.start_session()
    with ExitStack() as stack:
        held = [stack.enter_context(connected(service)) for _ in range(MOST_CLIENTS)]
        with connected(service) as late, late.makefile("rb") as said:
            assert code_of(said.readline()) == "busy"
            assert said.readline() == b""
        held.pop().close()
        wait_for(service.pictures)

    def is_served() -> bool:
        with suppress(BusyError):  # it has not noticed yet that they have left
            return bool(service.session())
        return False

    wait_for(is_served)
    assert service.process.poll() is None


@pytest.mark.parametrize("asking", ["ask", "call"])
def test_a_client_that_is_turned_away_says_why(service: RunningService, asking: str) -> None:
    """The service is there and full, which is another thing than one that went away."""
    with ExitStack() as stack:
        for _ in range(MOST_CLIENTS):
            stack.enter_context(connected(service))
        with Client.connect(service.layout, start=False) as late:
            with pytest.raises(BusyError, match="100 clients"):
                late.ask("ping") if asking == "ask" else late.call("ping", PingResult)
            with pytest.raises(CameraUnavailableError):  # it was hung up on
                late.ask("ping")


def test_without_descriptors_the_service_lives(start_service: Start) -> None:
    """Where the system gives no more connections, those wait and nothing ends."""
    service = start_service(is_steered=False)
    service.start_session()
    service.frames_reach(3)  # all is imported by now, which takes descriptors too
    used = len(list(Path(f"/proc/{service.process.pid}/fd").iterdir()))
    limits = resource.prlimit(service.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(service.process.pid, resource.RLIMIT_NOFILE, (used, limits[1]))
    with connected(service) as first, connected(service) as second:
        first.sendall(b"{}\n")
        second.sendall(b"{}\n")
        wait_for(lambda: "no connection can be taken" in service.layout.log.read_text())
        resource.prlimit(service.process.pid, resource.RLIMIT_NOFILE, limits)
        with second.makefile("rb") as said:
            assert code_of(said.readline()) == "invalid_argument"
    service.frames_reach(service.session().frames + 1)


def test_a_client_may_not_queue_without_end(service: RunningService) -> None:
    """Of more requests than may wait, each is answered: some of them that it is busy."""
    service.fault("slow", count=1, seconds=1.0)
    line = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "snapshot.take", "params": {}}) + "\n"
    asked = MOST_WAITING + TOO_MANY
    with connected(service) as eager, eager.makefile("rb") as said:
        eager.sendall(line.encode() * asked)
        answers = [json.loads(said.readline()) for _ in range(asked)]
    refused = [answer["error"]["code"] for answer in answers if "error" in answer]
    assert set(refused) == {"busy"}
    assert len(refused) <= TOO_MANY
    assert len(service.pictures()) == asked - len(refused)


def test_a_stop_waits_for_nobody(service: RunningService) -> None:
    """A snapshot that is wanted in a minute, and all that waits, does not keep the next start."""
    at = rfc3339(time.time() + 55)
    line = {"jsonrpc": "2.0", "id": 1, "method": "snapshot.take", "params": {"at": at}}
    with connected(service) as waiting:
        waiting.sendall(json.dumps(line).encode() + b"\n")
        service.call("session.get", SessionDocument)
        service.terminate()


@pytest.mark.alone
def test_a_stop_is_heard_whichever_thread_gets_the_signal(service: RunningService) -> None:
    """The kernel may give it to a thread that is about to end, and wakes no other."""
    pid = service.process.pid
    service.start_session()
    service.frames_reach(2)  # by now the main thread waits

    def is_sent() -> bool:
        """To the newest thread, unless that has just ended."""
        threads = [int(thread.name) for thread in Path(f"/proc/{pid}/task").iterdir()]
        return bool(ctypes.CDLL(None).tgkill(pid, max(threads), signal.SIGTERM) == 0)

    wait_for(is_sent)
    assert awake_until(lambda: service.process.poll() is not None, limit=LIMIT) < TURN / 2
    assert service.process.returncode == 0
