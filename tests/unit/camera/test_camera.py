import threading

import numpy as np
import pytest

from cinepi.camera import registry
from cinepi.camera.backends.simulated import backend as simulated
from cinepi.camera.backends.simulated import faults
from cinepi.camera.ladder import STUCK_AFTER
from cinepi.errors import CameraUnavailableError, DeadlineError
from cinepi.journal.journal import Journal
from cinepi.model.events import CameraLost, CameraRecovered
from cinepi.model.settings import CameraSettings
from tests.machine import resident_mb
from tests.unit.camera.bench import Bench, Gone


def test_opens_and_tells_what_it_is(bench: Bench) -> None:
    """An open camera is connected, well, and lists its features."""
    camera = bench.camera()
    assert camera.document().health == "lost"
    camera.open()
    document = camera.document()
    assert (document.connected, document.health, document.problem) == (True, "ok", None)
    assert document.backend == "simulated"
    assert "shutter_us" in {feature.key for feature in document.features}
    assert bench.changes > 0


def test_picture_updates_the_document(bench: Bench) -> None:
    """After a picture the document has what the camera did, and when."""
    camera = bench.camera(
        CameraSettings(
            resolution="640x480", exposure_mode="manual", shutter_us=2000, iso=400, gain=2.0
        )
    )
    camera.take().release()
    document = camera.document()
    assert document.achieved.exposure_us == 2000
    assert document.achieved.iso == 800
    assert document.last_success_at is not None


def test_picture_waits_for_its_instant(bench: Bench) -> None:
    """A picture asked for a little ahead begins when it is due, never before."""
    camera = bench.camera()
    camera.take().release()
    due = bench.clock.monotonic() + 0.05
    frame = camera.take(due)
    assert due <= frame.began_at < due + 0.05
    frame.release()


def test_digital_gain_is_told(bench: Bench) -> None:
    """Sensitivity beyond the sensor's own is made up digitally, and the parts are reported."""
    camera = bench.camera(
        CameraSettings(
            resolution="640x480", exposure_mode="manual", shutter_us=200, iso=800, gain=8.0
        )
    )
    camera.take().release()
    achieved = camera.document().achieved
    assert achieved.iso == 6400
    assert achieved.analogue_gain == pytest.approx(22.26)
    assert achieved.digital_gain == pytest.approx(64 / 22.26, abs=0.01)


def test_settings_are_made_to_fit(bench: Bench) -> None:
    """What the camera cannot follow is dropped, what is out of its range is moved, both told."""
    camera = bench.camera()
    camera.open()
    camera.apply(CameraSettings(resolution="1900x1000", shutter_us=100, lens_position=3.0))
    document = camera.document()
    assert document.dropped == ("lens_position",)
    assert set(document.adjusted) == {"resolution", "shutter_us"}
    assert document.settings.resolution == "1920x1080"
    assert document.settings.shutter_us == 114
    assert document.settings.lens_position == 0.0
    frame = camera.take()
    assert (frame.main.width, frame.main.height) == (1920, 1080)
    frame.release()


def test_settings_given_while_lost_hold_later(bench: Bench) -> None:
    """Settings that come while there is no camera are followed when it is there again."""
    faults.write(bench.layout, "unplug")
    camera = bench.camera()
    camera.open()
    camera.apply(CameraSettings(resolution="1280x720"))
    faults.clear(bench.layout)
    bench.clock.offset += 60
    frame = camera.take()
    assert frame.main.width == 1280
    frame.release()


def test_check_names_what_is_out_of_range(bench: Bench) -> None:
    """A size that the camera does not have is refused with the list of those that it has."""
    camera = bench.camera()
    camera.open()
    (problem,) = camera.check({"resolution": "800x600", "iso": 100, "lens_position": 1.0})
    assert problem.field == "/resolution"
    assert "1332x990" in problem.message


@pytest.mark.parametrize("fault", ["timeout", "hang"])
@pytest.mark.usefixtures("impatient")
def test_one_failure_costs_no_picture(bench: Bench, fault: str) -> None:
    """A camera that fails once gives the picture after the first rung, and says so twice."""
    camera = bench.camera()
    camera.open()
    faults.write(bench.layout, fault, count=1)
    camera.take().release()
    lost, recovered = bench.events
    assert isinstance(lost, CameraLost)
    assert isinstance(recovered, CameraRecovered)
    assert (lost.rung, recovered.rung) == ("restart_stream", "restart_stream")
    document = camera.document()
    assert (document.health, document.recovery.rung, document.recovery.restarts) == (
        "ok",
        "none",
        1,
    )


@pytest.mark.usefixtures("impatient")
def test_event_that_cannot_be_written_costs_no_picture(bench: Bench) -> None:
    """Where the journal fails while the camera recovers, the picture is kept, and told of later."""
    journal = Journal(bench.layout.journal, clock=bench.clock, boot="0badcafe")
    camera = bench.camera(on_event=journal.tell)
    camera.open()
    faults.write(bench.layout, "timeout", count=2)
    with journal.transaction():  # so that no other can be written
        camera.take().release()
    assert camera.document().health == "ok"
    faults.write(bench.layout, "timeout", count=1)
    camera.take().release()
    told = journal.events(0, 10).events
    assert [entry.type for entry in told] == ["camera_lost", "camera_recovered"] * 2
    assert told[0].at <= told[1].at <= told[2].at
    journal.close()


@pytest.mark.usefixtures("impatient")
def test_picture_that_is_rescued_too_late_is_not_kept(bench: Bench) -> None:
    """The camera is well again and told so; the frame goes back, and the next one is in time."""
    camera = bench.camera()
    first = camera.take()
    first.release()
    faults.write(bench.layout, "timeout", count=1)
    due = bench.clock.monotonic()
    with pytest.raises(DeadlineError, match="too late"):
        camera.take(due, latest=due + 0.05)
    assert camera.document().health == "ok"
    assert [type(event) for event in bench.events] == [CameraLost, CameraRecovered]
    again = camera.take()
    assert np.shares_memory(first.main.y, again.main.y)  # which it would not, had it been lent
    again.release()


@pytest.mark.usefixtures("impatient")
def test_picture_for_which_the_camera_was_opened_too_late_is_not_kept(bench: Bench) -> None:
    """A cable that is put back just before a slot costs that slot, if opening takes too long."""
    camera = bench.camera()
    with pytest.raises(DeadlineError, match="too late"):
        camera.take(latest=bench.clock.monotonic() - 0.01)
    camera.take().release()


def test_latest_binds_only_a_camera_that_had_to_be_rescued(bench: Bench) -> None:
    """A healthy one may begin late, because its stream runs freely; a rescue may be in time."""
    camera = bench.camera()
    camera.open()
    camera.take(latest=bench.clock.monotonic() - 1).release()
    faults.write(bench.layout, "truncated", count=1)
    camera.take(latest=bench.clock.monotonic() + 5).release()


@pytest.mark.parametrize("place", ["__init__", "open", "configure", "expose"])
@pytest.mark.parametrize("error", [MemoryError(), ZeroDivisionError("oops")])
def test_whatever_fails_in_a_backend_counts_as_the_cameras(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, place: str, error: Exception
) -> None:
    """A lack of memory or a bug there is told like every other failure of the camera."""

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(simulated.Backend, place, fail)
    bench.is_ended = False
    camera = bench.camera()
    with pytest.raises(CameraUnavailableError, match=type(error).__name__):
        camera.take()
    assert type(error).__name__ in (camera.document().problem or "")


@pytest.mark.usefixtures("impatient")
def test_second_failure_reopens_the_camera(bench: Bench) -> None:
    """Where a fresh stream does not help, a fresh camera does."""
    camera = bench.camera()
    camera.open()
    faults.write(bench.layout, "timeout", count=2)
    camera.take().release()
    assert camera.document().recovery.reopens == 1
    assert isinstance(bench.events[-1], CameraRecovered)
    assert bench.events[-1].rung == "reopen"


@pytest.mark.usefixtures("impatient")
def test_camera_that_hangs_for_good_costs_the_process(bench: Bench) -> None:
    """A camera that hangs on every rung is given up, with the reason and one event."""
    camera = bench.camera()
    camera.open()
    faults.write(bench.layout, "hang")
    with pytest.raises(Gone):
        camera.take()
    assert len(bench.reasons) == 1
    assert "left behind" in bench.reasons[0]
    document = camera.document()
    assert document.recovery.rung == "restart_process"
    assert document.recovery.exits == 1
    assert [type(event) for event in bench.events] == [CameraLost]


@pytest.mark.usefixtures("impatient")
def test_stuck_after_several_processes(bench: Bench) -> None:
    """After three processes without a picture a camera is stuck: the reason says what helps."""
    camera = bench.camera(exits_in_a_row=STUCK_AFTER)
    camera.open()
    document = camera.document()
    assert (document.health, document.recovery.rung) == ("stuck", "reboot")
    assert document.problem is not None
    assert "tried again by itself, and at once with camera/restart" in document.problem
    assert "reboot" in document.problem
    with pytest.raises(CameraUnavailableError, match="reboot"):
        camera.take()
    bench.clock.offset += 16
    camera.take().release()
    assert camera.document().health == "ok"
    assert isinstance(bench.events[-1], CameraRecovered)


@pytest.mark.usefixtures("impatient")
def test_a_stuck_camera_is_tried_more_rarely_with_each_process(bench: Bench) -> None:
    """Some bad seconds cost no minutes, and a camera that is broken for good few processes."""
    pauses = []
    for processes in (*range(STUCK_AFTER, STUCK_AFTER + 6), 5000):
        camera = bench.camera(exits_in_a_row=processes)
        pauses.append(pause_of(camera.take))
    assert pauses == pytest.approx([15, 30, 60, 120, 240, 300, 300], abs=1)


@pytest.mark.usefixtures("impatient")
def test_a_stuck_camera_that_is_gone_is_tried_more_rarely(bench: Bench) -> None:
    """It costs no process to find that it is not there, and a wait all the same."""
    camera = bench.camera(exits_in_a_row=STUCK_AFTER)
    faults.write(bench.layout, "unplug")
    pauses = []
    for _ in range(6):
        bench.clock.offset += 301
        camera.open()
        pauses.append(pause_of(camera.take))
    assert pauses == pytest.approx([15, 30, 60, 120, 240, 300], abs=1)


def test_a_stuck_camera_that_is_restarted_is_on_trial(bench: Bench) -> None:
    """It is open, which no word may contradict, and a picture has to show the rest."""
    camera = bench.camera(exits_in_a_row=STUCK_AFTER)
    camera.restart()
    document = camera.document()
    assert (document.connected, document.health) == (True, "recovering")
    assert "next picture" in (document.problem or "")
    camera.take().release()
    assert (camera.document().health, camera.document().problem) == ("ok", None)


def test_opening_is_no_picture(bench: Bench) -> None:
    """A camera that has cost a process has not recovered because it can be opened again."""
    camera = bench.camera(exits_in_a_row=1)
    faults.write(bench.layout, "unplug", count=1)
    camera.open()
    assert camera.document().health == "lost"
    bench.clock.offset += 1
    camera.open()
    document = camera.document()
    assert document.connected
    assert (document.health, document.recovery.rung) == ("recovering", "restart_process")
    assert "next picture" in (document.problem or "")
    assert bench.events == []
    camera.take().release()
    assert camera.document().health == "ok"
    assert [type(event) for event in bench.events] == [CameraRecovered]


def test_unplugged_and_plugged_in(bench: Bench) -> None:
    """Without a camera pictures fail with the reason; with one they come again by themselves."""
    camera = bench.camera()
    camera.take().release()
    faults.write(bench.layout, "unplug")
    with pytest.raises(CameraUnavailableError, match="unplugged"):
        camera.take()
    document = camera.document()
    assert (document.connected, document.health) == (False, "lost")
    assert bench.reasons == []
    faults.clear(bench.layout)
    bench.clock.offset += 1
    camera.take().release()
    assert camera.document().health == "ok"
    assert [type(event) for event in bench.events] == [CameraLost, CameraRecovered]


def test_tries_grow_rarer(bench: Bench) -> None:
    """Tries to open an absent camera come after growing pauses, of 30 s at most."""
    faults.write(bench.layout, "unplug")
    camera = bench.camera()
    camera.open()
    assert pause_of(camera.take) == pytest.approx(0.5, abs=0.2)
    for _ in range(10):
        bench.clock.offset += 31
        camera.open()
    assert pause_of(camera.take) == pytest.approx(30, abs=1)
    assert len(bench.events) == 1


def test_no_pause_is_said_to_last_no_time(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """In its last moments too, what is not tried now is tried later."""
    faults.write(bench.layout, "unplug")
    moment = bench.clock.monotonic()
    monkeypatch.setattr(bench.clock, "monotonic", lambda: moment)
    camera = bench.camera()
    camera.open()
    moment += 0.46
    assert pause_of(camera.take) == 0.1


def test_person_need_not_wait(bench: Bench) -> None:
    """A restart that a person asks for ignores the pause, and says why it fails."""
    faults.write(bench.layout, "busy")
    camera = bench.camera()
    camera.open()
    with pytest.raises(CameraUnavailableError, match="rpicam-vid"):
        camera.restart()
    faults.clear(bench.layout)
    camera.restart()
    assert camera.document().health == "ok"


def test_damaged_picture_is_never_handed_out(bench: Bench) -> None:
    """A frame that is not whole is taken again."""
    camera = bench.camera()
    camera.open()
    faults.write(bench.layout, "truncated", count=1)
    frame = camera.take()
    assert (frame.main.width, frame.main.height) == (640, 480)
    frame.release()
    assert isinstance(bench.events[0], CameraLost)
    assert "damaged" in bench.events[0].message


def test_nonsense_in_the_metadata_is_left_out(bench: Bench) -> None:
    """Impossible values are reported as unknown, and an impossible time as that of the call."""
    camera = bench.camera()
    camera.open()
    faults.write(bench.layout, "wrong_metadata", count=1)
    asked_at = bench.clock.monotonic()
    frame = camera.take()
    assert asked_at <= frame.began_at <= bench.clock.monotonic()
    assert frame.achieved.iso is None
    assert frame.achieved.exposure_us is None
    assert frame.achieved.lux is None
    frame.release()
    assert bench.events == []


@pytest.mark.usefixtures("impatient")
def test_slow_camera_is_no_fault(bench: Bench) -> None:
    """A picture that comes late but within its limit is a picture."""
    camera = bench.camera()
    camera.open()
    faults.write(bench.layout, "slow", count=1, seconds=0.05)
    camera.take().release()
    assert bench.events == []


def test_unknown_camera_is_told_apart_from_a_lost_one(bench: Bench) -> None:
    """A name that no camera has leads to a problem that lists those that there are."""
    camera = bench.camera(CameraSettings(backend="betamax"))
    camera.open()
    assert ", ".join(registry.backends()) in (camera.document().problem or "")
    with pytest.raises(CameraUnavailableError):
        camera.take()


def test_closed_camera_leaves_no_thread(bench: Bench) -> None:
    """After closing, no thread of the camera is left."""
    camera = bench.camera()
    before = set(threading.enumerate())
    camera.take().release()
    helpers = set(threading.enumerate()) - before
    assert {helper.name for helper in helpers} == {"camera"}
    camera.close()
    for helper in helpers:
        helper.join(5)
    assert not any(helper.is_alive() for helper in helpers)
    assert camera.document().connected is False


def test_memory_goes_back_while_resting(bench: Bench) -> None:
    """A resting camera holds no large picture."""
    camera = bench.camera(CameraSettings(resolution="4056x3040"))
    camera.take().release()
    before = resident_mb()
    camera.rest()
    assert before - resident_mb() > 15
    camera.take().release()


def pause_of(take: object) -> float:
    """How long the camera says that it waits."""
    assert callable(take)
    with pytest.raises(CameraUnavailableError) as caught:
        take()
    return float(str(caught.value).rsplit("again in ", 1)[1].removesuffix(" s"))
