"""Events that did not come by themselves: `events -f` fetches them from the device's journal."""

import queue
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.broker.running import RunningBroker, RunningDaemon, wait_for
from tests.fleet.following import Follower
from tests.fleet.operator import Ctl, Stranger
from tests.service.running import RunningService


@pytest.fixture
def garden(empty_broker: RunningBroker, lone: Ctl, tmp_path: Path, stack: ExitStack) -> Ctl:
    """A real device on a broker of its own, and the client."""
    stack.callback(RunningService.start(tmp_path / "garden").close)
    stack.callback(RunningDaemon.start(tmp_path / "garden", empty_broker.port).kill)
    wait_for(lambda: lone("ping").code == 0)
    return lone


def test_a_gap_is_filled_from_the_journal(
    garden: Ctl, stranger: Stranger, stack: ExitStack
) -> None:
    """What a broker has dropped is fetched, in order, before what came after it."""
    for _ in range(5):
        garden.ok("snapshot", "garden")
    past = garden.ok("events", "garden", "--json").lines
    follower = Follower(garden, stack, "--after", str(past[0]["seq"]))
    wait_for(lambda: len(follower.numbers()) == len(past) - 1)
    ahead = past[-1]["seq"] + 3  # the numbers between were never published: the broker lost them
    lost = {"seq": ahead, "boot": "x", "at": "2026-01-01T00:00:00Z", "type": "capture_stored"}
    stranger.say("cinepi/garden/event/capture_stored", lost, retain=False)
    assert "2 events did not come" in follower.notes.get(timeout=20)
    wait_for(lambda: follower.numbers()[-1] == ahead)
    assert follower.numbers() == sorted(set(follower.numbers()))


@pytest.mark.timeout(120)
def test_following_survives_a_broker_that_goes_and_comes(
    garden: Ctl, empty_broker: RunningBroker, stack: ExitStack
) -> None:
    """The stream goes on where it ended, with every frame that was taken meanwhile."""
    garden.ok("session", "start", "garden", "--interval", "1")
    follower = Follower(garden, stack)
    wait_for(lambda: len(follower.numbers()) >= 2)
    empty_broker.stop(forget=True)
    assert "trying again" in follower.notes.get(timeout=20)
    cut_at, cut = follower.numbers()[-1], time.monotonic()
    wait_for(lambda: time.monotonic() - cut > 4)  # frames go on
    empty_broker.start()
    wait_for(lambda: follower.numbers()[-1] > cut_at + 4, limit=60)
    garden.ok("session", "stop", "garden")
    wait_for(lambda: follower.events[-1]["type"] == "session_stopped")
    numbers = follower.numbers()
    assert numbers == list(range(numbers[0], numbers[-1] + 1))


@pytest.mark.timeout(120)
def test_following_waits_for_devices_that_are_slower_than_itself(
    empty_broker: RunningBroker, lone: Ctl, tmp_path: Path, stack: ExitStack
) -> None:
    """A broker that forgot everything knows no device until the first one is back."""
    stack.callback(RunningService.start(tmp_path / "garden").close)
    first = RunningDaemon.start(tmp_path / "garden", empty_broker.port)
    stack.callback(first.kill)
    wait_for(lambda: lone("ping").code == 0)
    follower = Follower(lone, stack)
    wait_for(lambda: lone("snapshot", "garden").code == 0 and follower.numbers())
    told = len(follower.events)
    first.terminate()
    empty_broker.stop(forget=True)
    assert "trying again" in follower.notes.get(timeout=20)
    empty_broker.start()
    stranger = Stranger(empty_broker.port)
    stack.callback(stranger.close)
    asked = queue.SimpleQueue[object]()
    stranger.answer("garden", "system/republish", asked.put)
    for _ in range(2):  # it has looked, found nothing, and looks again
        asked.get(timeout=20)
    stack.callback(RunningDaemon.start(tmp_path / "garden", empty_broker.port).kill)
    wait_for(lambda: lone("snapshot", "garden").code == 0)
    wait_for(lambda: len(follower.events) > told)
    assert follower.numbers() == sorted(set(follower.numbers()))
