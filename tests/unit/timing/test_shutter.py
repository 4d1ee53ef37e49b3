"""What the shutter's thread does, and in which order, on a clock that the test moves."""

from pathlib import Path
from textwrap import dedent

import msgspec
import pytest

from cinepi.camera.backends.simulated import faults
from cinepi.clock import rfc3339
from cinepi.exposure import modes
from cinepi.journal.filter import Filter
from cinepi.journal.journal import Journal, Transaction
from cinepi.model.documents import CaptureDocument
from cinepi.timing import record
from cinepi.timing.shutter import LOOK_EVERY, REST_AFTER, WARM_AHEAD
from tests.unit.timing.conftest import Darkroom, SlowCamera


def keep(_: Transaction, __: CaptureDocument) -> None:
    """A snapshot that nobody else has to hear of."""


def test_a_snapshot_that_lets_a_frame_go_first_lets_the_thread_sleep(darkroom: Darkroom) -> None:
    """It has no moment of its own until then."""
    darkroom.start(interval=10)
    darkroom.turn()
    darkroom.clock.now += 8
    darkroom.taker.typical_seconds = 3.0
    picture = darkroom.shutter.snapshot(None, keep)
    assert darkroom.turn() == pytest.approx(1.0)
    assert not picture.done()
    darkroom.clock.now += 2
    darkroom.turn()
    assert picture.done()
    assert (darkroom.keeper.document().frames, darkroom.keeper.document().missed) == (2, 0)


def test_an_instant_lets_the_frame_before_it_go_first_whatever_frames_came_before(
    darkroom: Darkroom,
) -> None:
    """What has waited is only what was due: an instant in 38 s has not waited for frames of now."""
    darkroom.start(interval=10)
    picture = darkroom.shutter.snapshot(darkroom.clock.wall() + 38.5, keep)
    darkroom.until(1031)
    darkroom.taker.typical_seconds = 3.0
    darkroom.until(1039.9)
    assert not picture.done()
    darkroom.until(1040.5)
    assert picture.done()
    assert darkroom.keeper.document().missed == 0


def test_each_slot_lets_one_through(darkroom: Darkroom) -> None:
    """Snapshots that are longer than an interval cost no more frames than they have to."""
    darkroom.start(interval=1)
    darkroom.turn()
    darkroom.clock.now += 0.5
    pictures = [darkroom.shutter.snapshot(None, keep) for _ in range(3)]
    for taken in (0, 1, 2, 3):
        darkroom.taker.typical_seconds = 2.0  # the simulated camera is quicker, and is learned from
        darkroom.turn()
        assert sum(picture.done() for picture in pictures) == taken
        darkroom.clock.now += 1


def test_a_slider_that_is_dragged_costs_no_frame(darkroom: Darkroom) -> None:
    """Changes are merged, and the camera is set up where it makes no frame late."""
    darkroom.camera.set_up_takes = 0.7
    darkroom.start(interval=1)
    darkroom.turn()
    values = iter(range(100, 800))

    def drag() -> None:
        darkroom.clock.now += 0.1
        camera = msgspec.structs.replace(
            darkroom.config.camera, exposure_mode="manual", iso=next(values)
        )
        darkroom.config = msgspec.structs.replace(darkroom.config, camera=camera)
        darkroom.shutter.follow()

    for _ in range(20):
        drag()
        darkroom.turn()
    darkroom.until(darkroom.clock.now + 3)
    document = darkroom.keeper.document()
    assert document.missed == 0
    assert document.frames >= 5
    assert darkroom.camera.set_ups <= document.frames
    assert darkroom.camera.document().settings == darkroom.config.camera


def test_a_change_that_was_overtaken_never_reaches_the_camera(darkroom: Darkroom) -> None:
    """Whoever is told last, the camera follows what is in force."""
    older = darkroom.config
    newer = msgspec.structs.replace(
        older, camera=msgspec.structs.replace(older.camera, exposure_mode="manual", iso=800)
    )
    darkroom.config = newer
    darkroom.shutter.follow()
    darkroom.shutter.follow()  # of the older change, which comes late
    darkroom.turn()
    assert darkroom.camera.document().settings.iso == 800


def test_a_snapshot_has_the_settings_that_were_changed_before_it(darkroom: Darkroom) -> None:
    """Also where both have to wait for a frame."""
    darkroom.start(interval=10)
    darkroom.turn()
    darkroom.clock.now += 9.8
    camera = msgspec.structs.replace(darkroom.config.camera, exposure_mode="manual", iso=400)
    darkroom.config = msgspec.structs.replace(darkroom.config, camera=camera)
    darkroom.shutter.follow()
    picture = darkroom.shutter.snapshot(None, keep)
    darkroom.turn()
    assert not picture.done()
    darkroom.until(1012)
    assert picture.result().achieved.iso == 400
    assert darkroom.keeper.document().frames == 2


def test_a_camera_that_is_gone_is_looked_for_while_a_session_waits(darkroom: Darkroom) -> None:
    """So the first frame finds it open."""
    faults.write(darkroom.layout, "unplug")
    darkroom.camera.close()
    darkroom.camera.open()
    darkroom.start(start_at=rfc3339(darkroom.clock.wall() + 3600))
    assert darkroom.camera.document().health == "lost"
    faults.clear(darkroom.layout)
    darkroom.until(1000 + LOOK_EVERY + 2)
    assert darkroom.camera.document().health == "ok"


def test_the_camera_rests_until_a_window_and_is_warm_in_time(darkroom: Darkroom) -> None:
    """It takes a picture that nobody keeps, so that the first one that counts is punctual."""
    darkroom.shutter.snapshot(None, keep)
    darkroom.turn()
    darkroom.start(start_at=rfc3339(darkroom.clock.wall() + 600))
    before = darkroom.camera.document().last_success_at
    darkroom.until(1000 + REST_AFTER + 1)
    darkroom.until(1600 - WARM_AHEAD - 1)
    assert darkroom.camera.document().last_success_at == before
    darkroom.until(1600 - WARM_AHEAD + 0.1)
    assert darkroom.camera.document().last_success_at != before
    assert darkroom.journal.capture_totals()[0] == 1
    darkroom.until(1600.1)
    assert darkroom.keeper.document().frames == 1


def test_a_long_snapshot_is_what_costs_the_slots_that_it_covers(darkroom: Darkroom) -> None:
    """The reason is what the thread was busy with."""
    darkroom.start(interval=1)
    darkroom.turn()
    darkroom.clock.now += 0.5

    def slowly(_: Transaction, __: CaptureDocument) -> None:
        darkroom.clock.now += 5

    darkroom.shutter.snapshot(None, slowly)
    darkroom.turn()
    assert darkroom.keeper.document().missed_by == {"snapshot": 5}


def test_a_session_tidies_the_heap_where_there_is_room(darkroom: Darkroom) -> None:
    """Every minute, and the thread still sleeps between two looks."""
    darkroom.start(interval=5)
    darkroom.until(1129)
    assert darkroom.keeper.document().frames == 26
    assert darkroom.keeper.document().missed == 0


def test_time_without_power_is_counted_as_soon_as_the_clock_is_set(
    darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not when the next frame is due, which may be in an hour."""
    darkroom.start(interval=3600)
    darkroom.turn()
    monkeypatch.setattr(record, "kernel_boot_id", lambda: "another")
    darkroom.clock.is_set = False
    again = Darkroom(darkroom.layout, darkroom.clock, darkroom.journal)
    again.keeper.take_up()
    again.turn()
    darkroom.clock.offset += 2 * 3600
    darkroom.clock.is_set = True
    again.turn()
    assert again.keeper.document().missed_by == {"power_off": 2}
    again.camera.close()


BRIGHTER = """
    from cinepi.exposure.contract import Exposure, ExposureMode, Memory


    class Seen(Memory, frozen=True, kw_only=True):
        pictures: int = 0


    class Mode(ExposureMode[Seen]):
        memory = Seen

        def plan(self, memory, settings, at):
            return (Exposure(shutter_us=1000 * 2**memory.pictures, gain=1.0),)

        def learn(self, memory, reading):
            return Seen(pictures=memory.pictures + 1)
"""


def test_what_an_exposure_mode_has_learned_goes_on_after_a_restart(
    darkroom: Darkroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mode that somebody has put into the folder plans each frame by those before it."""
    folder = tmp_path / "modes"
    folder.mkdir()
    (folder / "brighter.py").write_text(dedent(BRIGHTER))
    monkeypatch.setattr(modes, "__path__", [*modes.__path__, str(folder)])
    monkeypatch.setattr(SlowCamera, "exposure_mode", "brighter")
    darkroom.start(interval=10)
    darkroom.until(1015)
    darkroom.journal.close()
    journal = Journal(tmp_path / "journal.db", clock=darkroom.clock, boot="1badcafe")
    again = Darkroom(darkroom.layout, darkroom.clock, journal, darkroom.config)
    again.keeper.take_up()
    again.until(1025)
    found = journal.captures(Filter()).captures
    taken = [capture.asked.shutter_us for capture in found]
    assert taken == [4000, 2000, 1000]
    again.camera.close()
    journal.close()
