"""A command happens once, whatever is repeated, contradicted, sent at the same time or killed."""

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest

from cinepi.client import Client, short_address
from cinepi.clock import rfc3339
from cinepi.envelope import Command
from cinepi.errors import (
    CameraUnavailableError,
    ConflictError,
    InvalidArgumentError,
    UnknownCommandError,
)
from cinepi.model.documents import (
    CameraDocument,
    CaptureDocument,
    ConfigDocument,
    SessionDocument,
)
from cinepi.protocol import (
    ConfigChangeResult,
    ConfigPatchParams,
    NoParams,
)
from cinepi.recorded import (
    AnsweredParams,
    FindRequestParams,
    FindRequestResult,
    UnansweredResult,
)
from tests.service.running import LIMIT, RunningService, wait_for

Start = Callable[..., RunningService]

COMMAND = Command(id="garden-1", fingerprint="f1", context='{"topic":"t"}')
FIND = FindRequestParams(prefix=COMMAND.id)


def test_a_repeated_snapshot_is_one_picture(service: RunningService) -> None:
    """The second request with the same id gets the first picture's document."""
    first = service.snapshot(COMMAND)
    assert service.snapshot(COMMAND) == first
    assert service.pictures() == [first.filename]


def test_a_repeat_after_kill_9_is_still_one_picture(start_service: Start) -> None:
    """The journal remembers the command when the process does not."""
    before = start_service()
    first = before.snapshot(COMMAND)
    before.kill()
    after = start_service()
    assert after.snapshot(COMMAND) == first
    assert len(after.pictures()) == 1


def test_a_repeat_in_flight_waits_for_the_first(service: RunningService) -> None:
    """Two requests with one id at the same time release the shutter once."""
    service.fault("slow", count=1, seconds=0.3)
    answers: list[CaptureDocument] = []
    threads = [
        threading.Thread(target=lambda: answers.append(service.snapshot(COMMAND))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers[0] == answers[1]
    assert len(service.pictures()) == 1


def test_a_command_that_runs_holds_nobody_up(service: RunningService) -> None:
    """Who refuses it, after a restart of the daemon, waits for it; the connection does not."""
    service.fault("slow", count=1, seconds=2.0)
    taking = threading.Thread(target=lambda: service.snapshot(COMMAND))
    taking.start()
    wait_for(lambda: service.call("requests.find", FindRequestResult, FIND).id)
    command = {"id": COMMAND.id, "fingerprint": COMMAND.fingerprint, "context": "{}"}
    refuse = {"id": 1, "method": "requests.refuse", "params": {"message": "too old"}}
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as daemon, daemon.makefile("rb") as said:
        with short_address(service.layout.socket) as address:
            daemon.connect(address)
        for request in ({**refuse, "command": command}, {"id": 2, "method": "ping"}):
            daemon.sendall(json.dumps({"jsonrpc": "2.0", **request}).encode() + b"\n")
        answers = [json.loads(said.readline()) for _ in range(2)]
    taking.join()
    assert [answer["id"] for answer in answers] == [2, 1]
    assert answers[1]["result"]["filename"] == service.pictures()[0]


def test_the_same_id_for_something_else_is_a_conflict(service: RunningService) -> None:
    """An id belongs to one request, also while that is still under way."""
    service.fault("slow", count=1, seconds=0.5)
    taking = threading.Thread(target=lambda: service.snapshot(COMMAND))
    taking.start()
    wait_for(lambda: service.call("requests.find", FindRequestResult, FIND).id)
    with pytest.raises(ConflictError):
        service.snapshot(Command(id=COMMAND.id, fingerprint="other"))
    taking.join()
    service.snapshot(COMMAND)
    with pytest.raises(ConflictError) as caught:
        service.snapshot(Command(id=COMMAND.id, fingerprint="other"))
    assert caught.value.field == "/id"
    assert len(service.pictures()) == 1


def test_a_refusal_is_remembered_too(service: RunningService) -> None:
    """A repeat of a refused command does not act when the reason has gone."""
    with service.client() as client:
        with pytest.raises(ConflictError):
            client.call("session.stop", SessionDocument, command=COMMAND)
        service.start_session()
        with pytest.raises(ConflictError, match="no session is running"):
            client.call("session.stop", SessionDocument, command=COMMAND)
    assert service.session().state == "active"


@pytest.mark.parametrize(
    ("offset", "said"), [(-5.0, "in the future"), (90.0, "at most 60 s ahead")]
)
def test_a_snapshot_is_for_the_next_minute(
    service: RunningService, offset: float, said: str
) -> None:
    """A time that has passed is told apart from one that is too far ahead."""
    with pytest.raises(InvalidArgumentError, match=said) as caught:
        service.call_raw("snapshot.take", {"at": rfc3339(time.time() + offset)})
    assert caught.value.field == "/at"


def test_what_may_succeed_later_may_be_tried_again(service: RunningService) -> None:
    """A snapshot that failed because the camera was away is taken when its command comes again."""
    service.fault("unplug")
    with pytest.raises(CameraUnavailableError):
        service.snapshot(COMMAND)
    service.mend()
    service.call("camera.restart", CameraDocument)
    assert service.pictures() == []
    first = service.snapshot(COMMAND)
    assert service.snapshot(COMMAND) == first
    assert len(service.pictures()) == 1


def test_a_change_that_changes_nothing_is_remembered(service: RunningService) -> None:
    """A patch without effect is answered, and its repeat gets that answer."""
    patch = ConfigPatchParams(patch={"camera": {"iso": 100}})
    for _ in range(2):
        answer = service.call("config.patch", ConfigChangeResult, patch, command=COMMAND)
        assert answer.changed == ()


def test_answers_wait_until_they_are_confirmed(start_service: Start) -> None:
    """Whoever delivers answers finds those that it has not confirmed, also after a crash."""
    before = start_service()
    before.snapshot(COMMAND)
    before.kill()
    after = start_service()
    waiting = after.call("requests.unanswered", UnansweredResult).requests
    assert [each.command for each in waiting] == [COMMAND]
    assert "result" in json.loads(bytes(waiting[0].outcome))
    after.call("requests.answered", dict, AnsweredParams(ids=(COMMAND.id,)))
    assert after.call("requests.unanswered", UnansweredResult).requests == ()


def test_a_command_is_found_by_how_its_id_begins(service: RunningService) -> None:
    """A redelivered message without an id of its own finds its first run."""
    service.snapshot(Command(id="auto-7-abcd-xyz", fingerprint="f"))
    found = service.call("requests.find", FindRequestResult, FindRequestParams(prefix="auto-7-"))
    assert found.id == "auto-7-abcd-xyz"


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        (b"hello\n", "invalid_argument", "not a JSON-RPC request"),
        (b"[" * 5000 + b"\n", "invalid_argument", "not a JSON-RPC request"),
        (b'{"method":"sesion.start","id":1,"jsonrpc":"2.0"}\n', "unknown_command", "session.start"),
        (
            b'{"method":"ping","id":1,"jsonrpc":"2.0","params":{"a":1}}\n',
            "invalid_argument",
            "unknown",
        ),
        (
            b'{"method":"session.start","id":1,"jsonrpc":"2.0","params":{"count":1,"count":2}}\n',
            "invalid_argument",
            "given twice",
        ),
    ],
)
def test_bad_lines_are_answered_and_harmless(
    service: RunningService, line: bytes, code: str, said: str
) -> None:
    """Each bad line is one error on its connection, which lives on, as does the service."""
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as raw,
        short_address(service.layout.socket) as address,
    ):
        raw.connect(address)
        stream = raw.makefile("rb")
        raw.sendall(line)
        answer = json.loads(stream.readline())
        assert answer["error"]["code"] == code
        assert said in answer["error"]["message"]
        raw.sendall(b'{"method":"ping","id":2,"jsonrpc":"2.0"}\n')
        assert json.loads(stream.readline())["id"] == 2
        stream.close()


def test_unknown_methods_suggest_the_right_one(service: RunningService) -> None:
    """A slip of the pen is met with the name that was meant."""
    with pytest.raises(UnknownCommandError, match=r"did you mean snapshot\.take"):
        service.call("snapshot.tak", dict, NoParams())


def test_several_problems_come_at_once(service: RunningService) -> None:
    """All that is wrong with the arguments is said in one answer."""
    with pytest.raises(InvalidArgumentError) as caught:
        service.call_raw("session.start", {"interval": 0, "count": "x", "nmae": "y"})
    assert {problem.field for problem in caught.value.problems} == {"/interval", "/count", "/nmae"}


def test_a_second_service_is_refused(service: RunningService) -> None:
    """One root has one service; the second says so and leaves the first alone."""
    second = subprocess.run(
        [sys.executable, "-m", "cinepi.service", "--root", str(service.layout.root)],
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert second.returncode == 1
    assert "running already" in second.stderr
    assert service.session().state == "idle"


def test_many_clients_are_served(service: RunningService) -> None:
    """A session outlives every client, and the configuration can be read by many at once."""
    service.start_session()
    clients = [Client.connect(service.layout, start=False) for _ in range(20)]
    revisions = {client.call("config.get", ConfigDocument).revision for client in clients}
    for client in clients:
        client.close()
    assert len(revisions) == 1
    service.frames_reach(2)
