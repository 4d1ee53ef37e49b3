"""A session, as its user sees it: files, events and one document."""

from collections.abc import Callable
from time import time

import pytest

from cinepi.clock import rfc3339
from cinepi.errors import CameraUnavailableError, ConflictError, InvalidArgumentError
from cinepi.model.documents import SessionDocument
from tests.service.running import RunningService, wait_for
from tests.stalls import counted_stalls

Start = Callable[..., RunningService]


@pytest.mark.alone
def test_a_session_takes_its_frames_and_ends(service: RunningService) -> None:
    """A session of 3 frames leaves 3 files and 3 events in order, and says why it ended."""
    with counted_stalls() as stalls:
        service.start_session(count=3, name="spring")
        document = wait_for(lambda: (d := service.session()).state == "idle" and d)
    assert isinstance(document, SessionDocument)
    assert (document.frames, document.end_reason) == (3, "count")
    assert document.missed <= stalls.slots
    stored = service.events("capture_stored")
    numbers = [int(str(event["frame"])) for event in stored]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] == 2 + document.missed
    assert [event["filename"] for event in stored] == service.pictures()
    assert service.events("session_stopped")[0]["frames"] == 3


def test_frames_lie_on_the_grid(service: RunningService) -> None:
    """Frames come a second apart and lateness does not add up."""
    service.start_session(count=4)
    document = wait_for(lambda: (d := service.session()).state == "idle" and d)
    assert isinstance(document, SessionDocument)
    late = [event["late_ms"] for event in service.events("capture_stored")]
    assert all(isinstance(ms, float) and 0 <= ms < 500 for ms in late)
    assert document.lateness.max_ms == pytest.approx(max(late))  # type: ignore[type-var]


def test_two_sessions_at_once_are_a_conflict(service: RunningService) -> None:
    """A second start is refused in words that name the running session."""
    service.start_session(name="spring")
    with pytest.raises(ConflictError, match="spring, every 1 s"):
        service.start_session()


@pytest.mark.parametrize("verb", ["stop", "pause", "resume"])
def test_what_needs_a_session_says_that_there_is_none(service: RunningService, verb: str) -> None:
    """Without a session, stop, pause and resume are refused."""
    with pytest.raises(ConflictError, match="no session is running"):
        service.call(f"session.{verb}", SessionDocument)


@pytest.mark.parametrize(
    ("params", "field", "said"),
    [
        ({"interval": 0}, "/interval", "between 1 and 3600"),
        ({"interval": 3601}, "/interval", "between 1 and 3600"),
        ({"count": 0}, "/count", "between 1 and"),
        ({"until": "yesterday"}, "/until", "2026-11-23T09:30:00Z"),
        ({"until": "2001-01-01T00:00:00Z"}, "/until", "later than the first frame"),
        ({"start_at": "2001-01-01T00:00:00Z"}, "/start_at", "in the future"),
    ],
)
def test_bad_arguments_are_named(
    service: RunningService, params: dict[str, object], field: str, said: str
) -> None:
    """Each wrong argument is one error with its field, and no session begins."""
    with pytest.raises(InvalidArgumentError, match=said) as caught:
        service.call_raw("session.start", params)
    assert caught.value.field == field
    assert service.session().state == "idle"


@pytest.mark.alone
def test_a_pause_lets_slots_go_by_uncounted(service: RunningService) -> None:
    """After a pause the session goes on with the next number and has missed nothing."""
    with counted_stalls() as stalls:
        service.start_session()
        service.frames_reach(1)
        paused = service.call("session.pause", SessionDocument)
        service.set_clock(offset_s=0.5, synced=True)
        assert paused.state == "paused"
        service.call("session.resume", SessionDocument)
        document = service.frames_reach(paused.frames + 2)
    assert document.missed <= stalls.slots
    kinds = [event["type"] for event in service.events()]
    assert kinds.index("session_paused") < kinds.index("session_resumed")


@pytest.mark.parametrize("end", ["terminate", "kill"])
def test_a_session_goes_on_after_a_restart(start_service: Start, end: str) -> None:
    """Stopped or killed, the session keeps its identity and counts what it missed."""
    first = start_service()
    before = first.start_session(name="spring")
    first.frames_reach(2)
    getattr(first, end)()
    second = start_service()
    document = second.frames_reach(4)
    assert (document.id, document.name) == (before.id, "spring")
    numbers = [event["frame"] for event in second.events("capture_stored")]
    assert len(numbers) == len(set(numbers)) == document.frames
    missed = sum(int(str(event["count"])) for event in second.events("frames_missed"))
    assert missed == document.missed
    assert document.frames + document.missed == max(int(str(n)) for n in numbers) + 1
    assert second.events("session_resumed")[-1]["cause"] == "service_down"


def test_a_session_waits_for_its_time(service: RunningService) -> None:
    """With `start_at` the session waits, and begins by the wall clock even when that is set."""
    service.start_session(start_at=rfc3339(time() + 3600), count=1)
    assert service.session().state == "waiting"
    service.set_clock(offset_s=3601, synced=True)
    wait_for(lambda: service.session().frames == 1)


@pytest.mark.alone
def test_a_clock_step_does_not_move_the_grid(service: RunningService) -> None:
    """A clock that is set by hours is an event; the session misses nothing and repeats nothing."""
    with counted_stalls() as stalls:
        service.start_session()
        service.frames_reach(2)
        service.set_clock(offset_s=-7200, synced=True)
        wait_for(lambda: service.events("clock_stepped"))
        document = service.frames_reach(5)
    assert document.missed <= stalls.slots
    assert len(service.pictures()) == len(service.events("capture_stored"))


def test_an_unplugged_camera_costs_frames_and_nothing_else(service: RunningService) -> None:
    """While the camera is gone every slot is counted as missed; when it is back, frames go on."""
    service.start_session()
    service.frames_reach(1)
    service.fault("unplug")
    wait_for(lambda: service.session().missed_by.get("camera", 0) >= 2)
    assert service.camera().health in ("lost", "recovering")
    service.mend()
    frames = service.session().frames
    document = service.frames_reach(frames + 2)
    assert set(document.missed_by) <= {"camera", "late"}
    assert service.events("camera_lost")
    assert service.events("camera_recovered")


def test_a_camera_that_comes_back_is_seen_without_being_asked(start_service: Start) -> None:
    """A camera that was missing at the start is found once it is plugged in, all by itself."""
    absent = start_service()
    absent.terminate()
    absent.fault("unplug")
    service = start_service()
    assert not service.camera().connected
    service.mend()
    wait_for(lambda: service.camera().health == "ok", limit=40)
    assert service.camera().connected


def test_a_camera_that_hangs_once_costs_frames_only(service: RunningService) -> None:
    """The stream is started afresh beside the call that hangs; the process lives on."""
    service.start_session()
    service.frames_reach(1)
    service.fault("hang", count=1)
    wait_for(lambda: service.events("camera_recovered"), limit=30)
    # The next may be the one that hung; what was missed meanwhile is counted with the one after.
    document = service.frames_reach(service.session().frames + 2)
    assert document.missed_by["camera"] >= 2  # a hang is waited for longer than a slot
    # A machine under load may be late beside it, and may need another try; no more than that.
    assert set(document.missed_by) <= {"camera", "late"}
    recovery = service.camera().recovery
    assert recovery.restarts >= 1
    assert recovery.exits == 0
    assert service.process.poll() is None


@pytest.mark.timeout(120)
def test_a_hanging_camera_ends_the_process_and_the_session_goes_on(start_service: Start) -> None:
    """A camera that never answers again is left behind with the process, in bounded time."""
    first = start_service()
    first.start_session()
    first.frames_reach(1)
    first.fault("hang")
    assert first.process.wait(90) == 75
    first.mend()
    second = start_service()
    document = second.frames_reach(3)
    assert document.state == "active"
    assert document.missed_by["camera"] >= 6  # what the hang has cost, and not the restart
    assert [e for e in second.events("camera_lost") if e["rung"] == "restart_process"]


def test_no_service_is_a_clear_error(service: RunningService) -> None:
    """A client that may not start a service says where it looked."""
    service.terminate()
    with pytest.raises(CameraUnavailableError, match=r"cinepi\.sock"):
        service.session()
