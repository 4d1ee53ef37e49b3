"""Brokers that vanish, keep silent, refuse or take little; and the way back from an outage."""

import json
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from cinepi.clock import SystemClock
from cinepi.journal.journal import Journal
from cinepi.model.events import StorageRecovered
from tests.faults import invariants
from tests.faults.observer import Observer
from tests.faults.proxy import Mood, Proxy
from tests.faults.stack import Stack, wait_for

MEGABYTE = 1024 * 1024
BACKLOG = 10_000
DRAINED = int(os.environ.get("BACKLOG_DRAINED", "700"))
"""Events of a backlog that are waited for; they come 50 a second."""
NOTICED = 60.0
"""Seconds until a connection that carries nothing any more is given up: 20 after anything that
asked for an acknowledgement, and health asks every 30."""


@pytest.fixture
def cleanup() -> Iterator[ExitStack]:
    """Ends everything that a test has started."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def start(tmp_path: Path, cleanup: ExitStack) -> Callable[..., tuple[Stack, Observer, Proxy]]:
    """Starts a device behind a proxy, and an observer who sees the broker itself."""

    def begin(*lines: str) -> tuple[Stack, Observer, Proxy]:
        stack = Stack(tmp_path, broker_lines=lines)
        cleanup.callback(stack.close)
        stack.start_broker()
        proxy = Proxy(stack.port)
        cleanup.callback(proxy.close)
        config = json.loads(stack.layout.daemon_config.read_text())
        config["broker"]["port"] = proxy.port
        stack.layout.daemon_config.write_text(json.dumps(config))
        stack.service.start()
        stack.daemon.start()
        observer = Observer(stack.port)
        cleanup.callback(observer.close)
        observer.await_online()
        observer.await_document("camera", lambda found: found["connected"])
        return stack, observer, proxy

    return begin


@pytest.mark.timeout(180)
@pytest.mark.parametrize("mood", ["swallow", "hang_up"])
def test_a_connection_that_carries_nothing_is_given_up(
    start: Callable[..., tuple[Stack, Observer, Proxy]], mood: Mood
) -> None:
    """The session goes on, the loss is noticed, and all is told when the broker is back."""
    stack, observer, proxy = start()
    assert observer.ask("session/start", interval=1)["success"]
    reconnects = "no connection"
    proxy.set_mood(mood)
    began = time.monotonic()
    wait_for(lambda: reconnects in stack.stderr(), limit=NOTICED, why=stack.stderr)
    noticed = time.monotonic() - began
    pictures = len(stack.pictures())
    wait_for(lambda: len(stack.pictures()) > pictures)
    proxy.set_mood("hang_up")  # what was swallowed ends as well
    proxy.set_mood("forward")
    back = time.monotonic()
    wait_for(lambda: _heard_last(observer) > back, limit=90)
    print(
        f"{mood}: noticed after {noticed:.1f} s, heard again after {time.monotonic() - back:.1f} s"
    )
    assert observer.ask("session/stop")["success"]
    assert invariants.problems(stack, observer) == []


def _heard_last(observer: Observer) -> float:
    """When the newest picture was heard of; 0 before the first."""
    return max((event["heard_at"] for event in observer.of_type("capture_stored")), default=0.0)


@pytest.mark.timeout(120)
def test_a_small_packet_limit_costs_what_is_large(
    start: Callable[..., tuple[Stack, Observer, Proxy]],
) -> None:
    """At 2 KB the schema and the picture do not pass; control, state and events do."""
    stack, observer, _ = start("max_packet_size 2048")
    assert observer.ask("session/start", interval=1)["success"]
    wait_for(lambda: len(observer.of_type("capture_stored")) >= 2)
    assert observer.ask("snapshot/take")["success"]
    answer = observer.ask("config/schema")
    assert answer["error"]["code"] == "too_large"
    assert observer.ask("session/stop")["success"]
    assert not observer.holes()
    assert stack.daemon.is_running


@pytest.mark.timeout(120)
def test_two_devices_with_one_name_do_not_fight(
    start: Callable[..., tuple[Stack, Observer, Proxy]], tmp_path: Path, cleanup: ExitStack
) -> None:
    """Each takeover is followed by a long wait, and says what to do; both go on taking pictures."""
    stack, observer, _ = start()
    assert observer.ask("session/start", interval=1)["success"]
    (tmp_path / "twin").mkdir()
    twin = Stack(tmp_path / "twin", daemon_port=stack.port)
    cleanup.callback(twin.close)
    twin.service.start()
    twin.daemon.start()
    hint = "does another device have the same id?"
    wait_for(lambda: hint in stack.stderr() + twin.stderr())
    pictures = len(stack.pictures())
    wait_for(lambda: len(stack.pictures()) > pictures + 5, limit=60)
    assert stack.stderr().count(" connected server=") < 8
    twin.daemon.kill()


@pytest.mark.timeout(180 + DRAINED // 20)
def test_a_backlog_drains_in_order_beside_live_commands(tmp_path: Path, cleanup: ExitStack) -> None:
    """10,000 events wait; while they come, in order, a command is answered at once."""
    stack = Stack(tmp_path)
    cleanup.callback(stack.close)
    journal = Journal(stack.layout.journal, clock=SystemClock(), boot="0ld")
    for _ in range(BACKLOG // 100):
        with journal.transaction() as tx:
            for number in range(100):
                tx.append(StorageRecovered(free_bytes=number))
    journal.close()
    stack.set_clock(3600)  # an hour later
    stack.start()
    observer = Observer(stack.port)
    cleanup.callback(observer.close)
    observer.await_online()
    wait_for(lambda: len(observer.events) > 50)
    daemon = psutil.Process(stack.daemon.pid)
    before = daemon.memory_info().rss
    answers: list[float] = []
    drained = time.monotonic()
    while len(observer.events) < DRAINED:
        began = time.monotonic()
        assert observer.ask("session/get")["success"]
        answers.append(time.monotonic() - began)
        time.sleep(0.05)  # somebody who looks now and then, not a load
    grown = daemon.memory_info().rss - before
    typical, slowest = statistics.median(answers), max(answers)
    print(
        f"{DRAINED} of {BACKLOG} events in {time.monotonic() - drained:.0f} s, {len(answers)} "
        f"answers beside them, typical {typical:.3f} s, slowest {slowest:.3f} s; "
        f"memory grew by {grown / MEGABYTE:.2f} MB"
    )
    assert typical < 1  # behind the backlog, all would wait for it; a loaded machine delays some
    assert grown < 2 * MEGABYTE
    assert observer.disorder == []
    assert not observer.holes()
    assert all(event["replay"] for event in observer.of_type("storage_recovered"))


def test_a_broker_that_never_answers_is_left_again(tmp_path: Path, cleanup: ExitStack) -> None:
    """The daemon says that the broker is silent, and goes on trying."""
    stack = Stack(tmp_path)
    cleanup.callback(stack.close)
    stack.start_broker()
    stack.broker.freeze()
    stack.daemon.start()
    wait_for(lambda: "does not answer" in stack.stderr(), why=stack.stderr)
    stack.broker.thaw()
    observer = Observer(stack.port)
    cleanup.callback(observer.close)
    observer.await_online(60)


def test_a_broker_that_refuses_is_tried_again(tmp_path: Path, cleanup: ExitStack) -> None:
    """Whoever is not let in says why, once, and is there when it is."""
    stack = Stack(tmp_path)
    cleanup.callback(stack.close)
    configuration = stack.root / "broker" / "mosquitto.conf"
    text = configuration.read_text()
    configuration.write_text(text.replace("allow_anonymous true", "allow_anonymous false"))
    stack.start_broker()
    stack.daemon.start()
    wait_for(lambda: "refused the connection" in stack.stderr(), why=stack.stderr)
    stack.broker.kill()
    configuration.write_text(text)
    stack.start_broker()
    observer = Observer(stack.port)
    cleanup.callback(observer.close)
    observer.await_online(60)
