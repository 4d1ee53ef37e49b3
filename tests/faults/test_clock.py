"""Clocks that are set while a session runs: no slot moves, and everything has its own name."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults import invariants
from tests.faults.observer import Observer
from tests.faults.stack import Stack, wait_for
from tests.stalls import counted_stalls

DAY = 86_400.0
EVENNESS = 0.5
"""Seconds that a frame may be off its grid on a loaded machine; a moved grid is off by days."""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., tuple[Stack, Observer]]]:
    """Starts a device with a session, its clock or time zone as wanted."""
    running: list[tuple[Stack, Observer]] = []

    def begin(offset_s: float = 0, **env: str) -> tuple[Stack, Observer]:
        stack = Stack(tmp_path, env=env)
        stack.set_clock(offset_s)
        stack.start()
        observer = Observer(stack.port)
        running.append((stack, observer))
        observer.await_document("camera", lambda found: found["connected"])
        assert observer.ask("session/start", interval=1)["success"]
        _more_frames(observer, 2)
        return stack, observer

    yield begin
    for stack, observer in running:
        observer.close()
        stack.close()


def _more_frames(observer: Observer, more: int) -> None:
    before = len(observer.of_type("capture_stored"))
    wait_for(lambda: len(observer.of_type("capture_stored")) >= before + more)


@pytest.mark.alone
@pytest.mark.timeout(120)
def test_steps_of_the_clock_move_no_slot(start: Callable[..., tuple[Stack, Observer]]) -> None:
    """From ten days back to ten days ahead: frames stay even, and each has its name."""
    with counted_stalls() as stalls:
        stack, observer = start()
        steps = (-10 * DAY, -3600, -1.5, 0, 1.5, 3600, 10 * DAY, -10 * DAY)
        for offset in steps:
            stack.set_clock(offset)
            _more_frames(observer, 2)
    heard = [event["heard_at"] for event in observer.of_type("capture_stored")]
    drift = [moment - heard[0] - number for number, moment in enumerate(heard)]
    assert max(map(abs, drift)) < EVENNESS + observer.data("session/get")["missed"] + stalls.slots
    wait_for(lambda: len(observer.of_type("clock_stepped")) >= len(steps) - 2)
    observer.ask("session/stop")
    assert observer.data("session/get")["missed"] <= 1 + stalls.slots
    assert invariants.problems(stack, observer) == []


@pytest.mark.parametrize("offset", [-10 * DAY, 10 * DAY])
def test_a_wrong_clock_at_the_start_repeats_and_loses_nothing(
    start: Callable[..., tuple[Stack, Observer]], offset: float
) -> None:
    """The service is killed and starts again with a clock that is days off."""
    stack, observer = start()
    stack.service.kill()
    stack.set_clock(offset, synced=False)
    stack.service.start()
    _more_frames(observer, 2)
    stack.set_clock(0)
    _more_frames(observer, 2)
    observer.ask("session/stop")
    assert observer.data("session/get")["missed"] < 20
    assert invariants.problems(stack, observer) == []


def _offset_to(moment: str) -> float:
    """What must be added to now to be at a UTC time."""
    parsed = time.strptime(f"{moment} UTC", "%Y-%m-%d %H:%M:%S %Z")
    return time.mktime(parsed) - time.timezone - time.time()


@pytest.mark.alone
@pytest.mark.parametrize(
    ("change", "minutes"),
    [("2026-03-29 00:59:50", {"0159", "0300"}), ("2026-10-25 00:59:50", {"0259", "0200"})],
)
def test_daylight_saving_moves_no_slot(
    start: Callable[..., tuple[Stack, Observer]], change: str, minutes: set[str]
) -> None:
    """From ten seconds before Berlin sets its clocks, to a picture after."""
    import os  # noqa: PLC0415 - the names of files are judged in the same zone

    old = os.environ.get("TZ")
    os.environ["TZ"] = "Europe/Berlin"
    time.tzset()
    try:
        stack, observer = start(_offset_to(change) - 7200, TZ="Europe/Berlin")
        with counted_stalls() as stalls:
            missed = observer.data("session/get")["missed"]
            stack.set_clock(_offset_to(change))
            wait_for(lambda: _minutes(stack) >= minutes)
            _more_frames(observer, 2)
        observer.ask("session/stop")
        assert observer.data("session/get")["missed"] <= missed + 1 + stalls.slots
        assert invariants.problems(stack, observer) == []
    finally:
        os.environ.pop("TZ")
        if old is not None:
            os.environ["TZ"] = old
        time.tzset()


def _minutes(stack: Stack) -> set[str]:
    """Hours and minutes in the names of its pictures."""
    return {name[len("cinepi_20260329_") :][:4] for name in stack.pictures()}


def test_a_step_between_a_frame_and_its_name(
    start: Callable[..., tuple[Stack, Observer]],
) -> None:
    """While exposures are long the clock is set in their midst: each picture has one time."""
    stack, observer = start()
    stack.fault("slow", seconds=0.6)
    before = len(observer.of_type("capture_stored"))
    for offset in (-10 * DAY, 10 * DAY, 0.0, 3600.0, -3600.0, 0.0):
        released = time.monotonic() + 1.0
        while time.monotonic() < released:
            time.sleep(0.01)
        stack.set_clock(offset)
    wait_for(lambda: len(observer.of_type("capture_stored")) > before + 5)
    stack.mend()
    observer.ask("session/stop")
    assert invariants.problems(stack, observer) == []
