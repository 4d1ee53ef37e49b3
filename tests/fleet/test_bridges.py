"""A Pi with a broker of its own, bridged to the house's, seen by cinepictl in the house."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.broker.house.conftest import broker
from tests.broker.house.test_bridge import Bridged
from tests.broker.running import RunningDaemon, wait_for
from tests.faults.invariants import missed_slots
from tests.fleet.following import Follower
from tests.fleet.operator import Ctl
from tests.service.running import RunningService
from tests.stalls import counted_stalls

SMALL_QUEUE = "\nmax_queued_messages 10\nmax_inflight_messages 2\n"
FRAMES = 25


@pytest.fixture(params=["as shipped", "a queue that is too small"])
def bridged(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bridged]:
    """House and Pi; the Pi's broker and its device run, the house's broker not yet."""
    made = Bridged(tmp_path)
    if request.param != "as shipped":
        lines = [line for line in made.config.splitlines() if not line.startswith("max_")]
        made.config = "\n".join(lines) + SMALL_QUEUE
    with ExitStack() as stack:
        stack.enter_context(broker(made.config, made.folder, made.port))
        stack.callback(RunningService.start(tmp_path / "garden").close)
        stack.callback(RunningDaemon.start(tmp_path / "garden", made.port).kill)
        yield made


@pytest.fixture
def ctl(bridged: Bridged, tmp_path: Path) -> Ctl:
    """The operator in the house."""
    house = bridged.house
    ctl = Ctl(house.port, tmp_path)
    ctl.environment |= {
        "CINEPICTL_BROKER": f"mqtts://operator@127.0.0.1:{house.port}",
        "CINEPICTL_PASSWORD_FILE": str(house.credentials / "users/operator.password"),
        "CINEPICTL_CA_FILE": str(house.ca),
    }
    return ctl


@pytest.mark.alone
@pytest.mark.timeout(240)
def test_a_cut_is_made_good_from_the_journal(
    bridged: Bridged, ctl: Ctl, tmp_path: Path, stack: ExitStack
) -> None:
    """Who follows has every event in the end, whatever the bridge's queue could not hold."""
    on_the_pi = Ctl(bridged.port, tmp_path)
    stalls = stack.enter_context(counted_stalls())
    with bridged.house.run(), bridged.crossing():
        wait_for(lambda: ctl("ping", "garden").code == 0, limit=60)
        follower = Follower(ctl, stack)
        ctl.ok("session", "start", "garden", "--interval", "1", "--count", str(FRAMES))
        wait_for(lambda: len(follower.numbers()) >= 3)
    cut, before = time.monotonic(), follower.numbers()[-1]
    wait_for(lambda: time.monotonic() - cut > FRAMES - 10, limit=60)  # frames go on
    status = on_the_pi.ok("session", "status", "garden", "--json").json["ok"][0]["data"]
    assert status["missed"] <= stalls.slots
    with bridged.house.run(), bridged.house.connected("monitor") as plain:
        plain.subscribe("cinepi/garden/event/#")
        with bridged.crossing():
            crossed = [json.loads(plain.next()[1])]
            while crossed[-1]["type"] != "session_stopped":
                crossed.append(json.loads(plain.next()[1]))
            wait_for(lambda: follower.events_of("garden", "session_stopped"), limit=90)
            numbers = follower.numbers()
            assert numbers == list(range(numbers[0], numbers[-1] + 1))
            frames = [e["frame"] for e in follower.events_of("garden", "capture_stored")]
            missed = missed_slots(follower.events_of("garden", "frames_missed"))
            # Of what a small queue lost before anything was heard, nobody could know.
            slots = sorted(frames + missed)
            assert slots == list(range(slots[0], FRAMES + len(missed)))
            assert len(missed) <= stalls.slots
            past = ctl.ok("events", "garden", "--after", str(numbers[0] - 1), "--json").lines
            assert [event["seq"] for event in past] == numbers
    lost = {n for n in numbers if n > before} - {event["seq"] for event in crossed}
    assert bool(lost) == (SMALL_QUEUE in bridged.config), "what the bridge itself has lost"
