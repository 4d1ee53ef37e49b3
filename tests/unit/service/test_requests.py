"""From a request to its answer: once, whoever asks how often."""

import json
import threading

import msgspec
import pytest

from cinepi.envelope import Command, Request
from cinepi.errors import ConflictError, InvalidArgumentError, UnknownCommandError
from cinepi.service.parts import Parts
from cinepi.service.requests import Requests, parse


def request(method: str, command: str | None = None, **params: object) -> Request:
    """One request, as a client sends it."""
    return Request(
        method=method,
        params=msgspec.Raw(json.dumps(params).encode()),
        id=1,
        command=None if command is None else Command(id=command, fingerprint=json.dumps(params)),
    )


@pytest.fixture
def requests(parts: Parts) -> Requests:
    """Those of a service of which nothing runs."""
    return Requests(parts)


def test_a_command_acts_once(requests: Requests, parts: Parts) -> None:
    """Its repeat gets the first answer, and says so."""
    first = requests.answer(request("config.patch", "a", patch={"camera": {"iso": 400}}))
    again = requests.answer(request("config.patch", "a", patch={"camera": {"iso": 400}}))
    assert (first.replayed, again.replayed) == (False, True)
    assert bytes(again.result) == bytes(first.result)
    assert parts.in_force.revision == 2


def test_an_id_is_for_one_command(requests: Requests) -> None:
    """Another command under it is refused."""
    requests.answer(request("config.patch", "a", patch={"camera": {"iso": 400}}))
    with pytest.raises(ConflictError):
        requests.answer(request("config.patch", "a", patch={"camera": {"iso": 200}}))


def test_a_refusal_is_the_answer_for_good(requests: Requests, parts: Parts) -> None:
    """A repeat under the same id hears the same, though it would be right by now."""
    with pytest.raises(ConflictError, match="nothing to stop"):
        requests.answer(request("session.stop", "a"))
    requests.answer(request("session.start", interval=60))
    again = requests.answer(request("session.stop", "a"))
    assert again.replayed
    assert again.error is not None
    assert again.error.code == "conflict"
    assert parts.keeper.running is not None


def test_a_repeat_waits_for_the_command_that_runs(requests: Requests, parts: Parts) -> None:
    """It has threads of its own for that, and gets its answer."""
    command = Command(id="a", fingerprint=json.dumps({}))
    answers = []

    def repeat() -> None:
        answers.append(requests.answer(request("session.get", "a")))

    waiting = threading.Thread(target=repeat, name="repeat")
    with parts.in_progress.alone(command):
        assert requests.lane(request("session.get", "a")) == "repeat"
        assert parts.in_progress.find("a") == "a"
        waiting.start()
        waiting.join(0.1)
        assert answers == []
        with parts.journal.transaction() as tx:
            tx.finish(command, parts.keeper.document())
    waiting.join(5)
    assert [answer.replayed for answer in answers] == [True]
    assert parts.in_progress.find("a") is None


@pytest.mark.parametrize(
    ("method", "lane"),
    [
        ("ping", None),
        ("config.get", None),
        ("health.get", "work"),
        ("session.stop", "work"),
        ("snapshot.take", "camera"),
        ("camera.restart", "camera"),
        ("nothing.such", None),
    ],
)
def test_what_waits_for_the_camera_waits_by_itself(
    requests: Requests, method: str, lane: str | None
) -> None:
    """Nothing else has to wait for it."""
    assert requests.lane(request(method)) == lane


def test_a_stranger_is_told_what_is_wrong(requests: Requests) -> None:
    """With the name that was meant, and with all wrong arguments."""
    with pytest.raises(UnknownCommandError, match=r"did you mean session\.start"):
        requests.answer(request("session.strat"))
    with pytest.raises(InvalidArgumentError) as caught:
        requests.answer(request("session.start", interval="soon", counts=3))
    assert {problem.field for problem in caught.value.problems} == {"/interval", "/counts"}
    with pytest.raises(InvalidArgumentError, match="not a JSON-RPC request"):
        parse(b"GET / HTTP/1.1")


def test_all_may_ask_at_once(requests: Requests, parts: Parts) -> None:
    """Of twenty who send the same command at the same time, one makes the change."""
    answers = []

    def ask() -> None:
        wanted = request("config.patch", "a", patch={"camera": {"iso": 500}})
        answers.append(requests.answer(wanted))

    threads = [threading.Thread(target=ask, name=f"client {n}") for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(answer.replayed for answer in answers) == [False, *[True] * 19]
    assert len({bytes(answer.result) for answer in answers}) == 1
    assert parts.in_force.revision == 2
