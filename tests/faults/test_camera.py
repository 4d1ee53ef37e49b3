"""A camera that fails in every way: MQTT goes on answering, and the ladder comes down again."""

import os
import signal
import time

import pytest

from tests.faults import invariants
from tests.faults.observer import Observer
from tests.faults.stack import LIMIT, Stack, wait_for
from tests.stalls import awake_until

ANSWERED = 2.0
"""Seconds that a ping may take on a loaded machine, whatever the camera does."""
FAILS = ("hang", "timeout", "unplug", "busy", "truncated")


def _ping(observer: Observer) -> float:
    sent = observer.send("system/ping")
    seconds = awake_until(lambda: sent.final, limit=LIMIT)
    assert sent.final is not None
    assert sent.final["success"]
    return seconds


def _supervise(stack: Stack) -> None:
    """Start the service again if it has left, as systemd does."""
    if not stack.service.is_running:
        stack.service.start()


@pytest.mark.timeout(120)
@pytest.mark.parametrize("fault", FAILS)
def test_mqtt_answers_while_the_camera_fails(device: tuple[Stack, Observer], fault: str) -> None:
    """The fault is told, frames are counted as missed, and pictures come by themselves after it."""
    stack, observer = device
    stack.fault(fault)
    if fault == "busy":  # which shows when it is opened
        observer.send("camera/restart")

    def is_told() -> bool:
        _supervise(stack)
        assert _ping(observer) < ANSWERED
        camera = observer.retained["camera"]
        return bool(camera["health"] != "ok" and observer.of_type("camera_lost"))

    wait_for(is_told, limit=60, why=lambda: f"{observer.retained['camera']}")
    stack.mend()
    mended = time.monotonic()

    def has_picture() -> bool:
        _supervise(stack)
        stored = observer.of_type("capture_stored")
        return bool(stored and stored[-1]["heard_at"] > mended)

    wait_for(has_picture, limit=60, why=lambda: f"{observer.retained['camera']}")
    print(f"{fault}: next picture {time.monotonic() - mended:.2f} s after it was mended")
    observer.await_document("camera", lambda found: found["health"] == "ok")
    wait_for(lambda: observer.of_type("camera_recovered"), why=stack.stderr)
    assert observer.ask("session/stop")["success"]
    assert invariants.problems(stack, observer) == []


def test_frames_slower_than_the_interval_are_skipped_not_bunched(
    device: tuple[Stack, Observer],
) -> None:
    """Every other slot is missed as late; none is taken out of its time."""
    stack, observer = device
    stack.fault("slow", seconds=1.2)
    observer.await_document("session", lambda found: found["missed_by"].get("late", 0) >= 3)
    stack.mend()
    assert observer.ask("session/stop")["success"]
    assert invariants.problems(stack, observer) == []


def test_nonsense_from_the_camera_is_not_passed_on(device: tuple[Stack, Observer]) -> None:
    """Pictures go on, and say of the exposure what is known: nothing."""
    stack, observer = device
    stack.fault("wrong_metadata")
    wait_for(
        lambda: any(
            event["achieved"]["exposure_us"] is None for event in observer.of_type("capture_stored")
        )
    )
    stack.mend()
    assert observer.ask("session/stop")["success"]
    assert invariants.problems(stack, observer) == []


@pytest.mark.timeout(120)
def test_a_process_that_does_not_react_is_told(device: tuple[Stack, Observer]) -> None:
    """A stopped process stands in for one that hangs in the kernel: not even SIGKILL ends it."""
    stack, observer = device
    stopped = stack.service.pid
    os.kill(stopped, signal.SIGSTOP)
    began = time.monotonic()
    observer.await_document("camera", lambda found: not found["connected"], limit=60)
    told = time.monotonic() - began
    assert _ping(observer) < ANSWERED
    assert not observer.ask("snapshot/take")["success"]
    os.kill(stopped, signal.SIGCONT)
    observer.await_document("camera", lambda found: found["connected"], limit=60)
    print(f"stopped process: told after {told:.1f} s")
    assert observer.ask("session/stop")["success"]
    assert invariants.problems(stack, observer) == []
