"""One final answer for each command, also where the truth comes later than the patience ends."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cinepi.client import Client
from cinepi.errors import CameraUnavailableError
from tests.faults import invariants
from tests.faults.hanging import broken
from tests.faults.observer import Observer, Sent
from tests.faults.stack import DEVICE, Stack, wait_for

_AFTER_THE_COMMIT = "cinepi.journal.journal.Journal.outcome"  # and before the work, once
_UNANSWERED = "cinepi.journal.journal.Journal.unanswered"
_NOWHERE = "cinepi.service.app.run"  # has run when the flag could break it

_PATIENCE = "cinepi.camera.backends.simulated.backend.Backend.margin"  # with a slow camera

Start = Callable[..., tuple[Stack, Observer]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a device whose service can be broken at a place, with the flag `broken`."""
    running: list[tuple[Stack, Observer]] = []

    def begin(place: str, *limits: str, how: str = "hang") -> tuple[Stack, Observer]:
        stack = Stack(tmp_path)
        flag = tmp_path / "broken"
        stack.service = broken(stack, "service", place, how, flag, *limits)
        daemon_limits = ("cinepi.vigil.TURN=0.5", "cinepid.camera_service.OUTAGE_LIMIT=1")
        whole = tmp_path / "never"
        stack.daemon = broken(stack, "daemon", "cinepid.app.run", "hang", whole, *daemon_limits)
        stack.programs = (stack.daemon, stack.service, stack.broker)
        stack.start()
        observer = Observer(stack.port)
        running.append((stack, observer))
        observer.await_document("camera", lambda found: found["connected"])
        return stack, observer

    yield begin
    for stack, observer in running:
        observer.close()
        stack.close()


def _is_all_answered(stack: Stack) -> bool:
    try:
        with Client.connect(stack.layout, start=False) as client:
            found: list[object] = client.ask("requests.unanswered")["requests"]
            return not found
    except CameraUnavailableError:  # it is just starting
        return False


def _await_settled(stack: Stack, observer: Observer) -> None:
    """Wait until the daemon has dealt with every answer that the journal has."""
    wait_for(lambda: _is_all_answered(stack), why=stack.stderr)
    assert observer.ask("system/ping")["success"]  # what was sent before has arrived before


def _given_up(stack: Stack, observer: Observer) -> Sent:
    """A snapshot that was taken, by a service that went before it could say so."""
    stack.fault("slow", count=1, seconds=1.5)
    sent = observer.send("snapshot/take")
    observer.data("session/get")  # so the picture is under way
    (stack.root / "broken").touch()
    wait_for(lambda: observer.of_type("capture_stored"))
    stack.service.kill()
    wait_for(lambda: sent.final)
    assert sent.final is not None
    assert sent.final["error"]["code"] == "camera_unavailable"
    (stack.root / "broken").unlink()
    return sent


@pytest.mark.parametrize("is_daemon_killed", [False, True], ids=["", "daemon killed"])
def test_what_comes_true_after_all_is_not_answered_again_unasked(
    start: Start,
    is_daemon_killed: bool,  # noqa: FBT001
) -> None:
    """The picture was taken after all; whoever sends the same command again hears of it."""
    stack, observer = start(_AFTER_THE_COMMIT)
    sent = _given_up(stack, observer)
    if is_daemon_killed:
        stack.daemon.kill()
        stack.daemon.start()
    stack.service.start()
    observer.await_document("camera", lambda found: found["connected"])
    _await_settled(stack, observer)
    assert len(sent.answers) == 1
    observer.send_again(sent)
    wait_for(lambda: len(sent.answers) > 1)
    assert sent.answers[1]["success"]
    assert {sent.answers[1]["data"]["filename"]} == stack.pictures()
    _await_settled(stack, observer)
    assert len(sent.answers) == 2


def test_a_snapshot_that_was_given_up_is_not_taken_later(start: Start) -> None:
    """Neither the one that was being taken, nor the one that waited behind it."""
    limits = ("cinepi.service.methods.snapshot.LIMIT_S=6", f"{_PATIENCE}=20")
    stack, observer = start(_NOWHERE, *limits)
    stack.fault("slow", count=1, seconds=7)
    first, second = observer.send("snapshot/take"), observer.send("snapshot/take", at=None)
    for sent in (first, second):
        wait_for(lambda sent=sent: sent.final)  # type: ignore[misc]
    assert observer.ask("snapshot/take")["success"]
    _await_settled(stack, observer)
    codes = [sent.final and sent.final.get("error", {}).get("code") for sent in (first, second)]
    assert codes == ["timeout", None]
    observer.send_again(first)
    wait_for(lambda: len(first.answers) > 1)
    assert [answer["error"]["code"] for answer in first.answers] == ["timeout", "timeout"]
    assert len(stack.pictures()) == 2
    assert invariants.problems(stack, observer) == []


def test_a_late_answer_is_tried_again_where_the_service_did_not_tell_of_it(start: Start) -> None:
    """Without another connection, or another start of the service, in between."""
    stack, observer = start(_UNANSWERED, how="raise")
    stack.fault("slow", count=1, seconds=1.5)
    sent = observer.commands["late"] = Sent("late", "snapshot/take", 0.0, {})
    topic = f"cinepi/{DEVICE}/cmd/{sent.verb}"
    observer.publish(topic, json.dumps({"id": sent.id}).encode())  # the broker keeps no QoS 0
    observer.data("session/get")  # so the picture is under way
    stack.daemon.kill()
    (stack.root / "broken").touch()
    wait_for(stack.pictures)
    stack.daemon.start()
    wait_for(lambda: "answers have to wait" in stack.stderr(), why=stack.stderr)
    assert not sent.answers
    (stack.root / "broken").unlink()
    wait_for(lambda: sent.final, why=stack.stderr)
    assert [answer["success"] for answer in sent.answers] == [True]
