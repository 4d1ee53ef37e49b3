from pathlib import Path

import msgspec
import numpy as np
import pytest

from cinepi.camera.backends.simulated import faults
from cinepi.camera.backends.simulated.backend import Backend
from cinepi.camera.backends.simulated.faults import Faults
from cinepi.camera.contract import Frame
from cinepi.clock import SystemClock
from cinepi.errors import InvalidArgumentError
from cinepi.exposure.contract import Exposure
from cinepi.exposure.planning import planned
from cinepi.model.settings import CameraSettings
from cinepi.paths import Layout

MANUAL = CameraSettings(resolution="640x480", exposure_mode="manual", shutter_us=2000)


@pytest.fixture
def camera(layout: Layout) -> Backend:
    """An open simulated camera."""
    backend = Backend(layout, SystemClock())
    backend.open()
    return backend


def picture(camera: Backend, **changes: object) -> Frame:
    """A picture with these settings; it keeps its memory, since it is not given back."""
    settings = msgspec.structs.replace(MANUAL, **changes)
    camera.configure(settings)
    (exposure,) = planned(settings, None, 0.0)
    return camera.expose(exposure, 10)


def brightness(camera: Backend, **changes: object) -> float:
    """Mean brightness of a picture with these settings."""
    return float(picture(camera, **changes).main.y.mean())


@pytest.mark.parametrize("more", [{"shutter_us": 4000}, {"iso": 200}, {"gain": 2.0}])
def test_twice_the_light_is_one_stop_brighter(camera: Backend, more: dict[str, object]) -> None:
    """Doubling shutter, ISO or gain brightens the picture by the same amount."""
    ratio = brightness(camera, **more) / brightness(camera)
    assert ratio == pytest.approx(2 ** (1 / 2.2), abs=0.04)


def test_automatic_finds_a_good_exposure(camera: Backend) -> None:
    """Automatic exposure ends in the middle of the range, and compensation moves it."""
    middle = brightness(camera, exposure_mode="auto")
    assert 90 < middle < 165
    assert brightness(camera, exposure_mode="auto", ev=1.0) > middle + 10
    assert brightness(camera, exposure_mode="auto", ev=-1.0) < middle - 10


def test_answers_to_each_setting_it_advertises(camera: Backend) -> None:
    """Every setting on offer shows in the picture."""
    changes: dict[str, object] = {
        "exposure_mode": "auto",
        "shutter_us": 8000,
        "iso": 800,
        "gain": 4.0,
        "white_balance": "tungsten",
        "resolution": "1280x720",
        "rotation": 180,
        "brightness": 0.3,
        "contrast": 1.5,
        "saturation": 0.0,
        "noise_reduction": "off",
    }
    assert {feature.key for feature in camera.open().features} == {*changes, "ev"}
    plain = picture(camera).main
    for key, value in changes.items():
        other = picture(camera, **{key: value}).main
        assert other.y.shape != plain.y.shape or any(
            abs(a.astype(int) - b.astype(int)).mean() > 0.3
            for a, b in ((plain.y, other.y), (plain.u, other.u), (plain.v, other.v))
        ), key


def test_exposure_takes_its_time(camera: Backend) -> None:
    """A picture takes at least as long as its exposure."""
    clock = SystemClock()
    began = clock.monotonic()
    picture(camera, shutter_us=120_000)
    assert clock.monotonic() - began >= 0.12


def test_turned_picture_is_the_same_the_other_way_up(camera: Backend) -> None:
    """A camera that hangs upside down gives the upright picture turned, grain and all."""
    upright = picture(camera).main.y[150:400]
    turned = picture(camera, rotation=180).main.y[::-1, ::-1][150:400]
    assert abs(upright.astype(int) - turned.astype(int)).mean() < 3


def test_lent_picture_is_left_alone(camera: Backend) -> None:
    """The next picture does not change one that has not been given back."""
    first = picture(camera)
    before = first.main.y.copy()
    camera.expose(Exposure(), 10)
    assert np.array_equal(first.main.y, before)


def test_sun_and_number_move(camera: Backend) -> None:
    """Without a change of settings only sun and text differ from picture to picture."""
    first = picture(camera)
    kept = first.main.y.copy()
    first.release()
    for _ in range(30):  # until the sun has risen over the hills
        picture(camera).release()
    changed = kept != picture(camera).main.y
    assert 0.002 < changed.mean() < 0.05


def test_fault_is_counted_down_in_the_file(layout: Layout) -> None:
    """A fault hits as often as it was asked to, also over restarts of the process."""
    faults.write(layout, "timeout", count=2)
    assert Faults(layout.faults).use("timeout") is not None
    assert Faults(layout.faults).use("unplug") is None
    assert Faults(layout.faults).use("timeout", "slow") is not None
    assert Faults(layout.faults).use("timeout") is None
    assert not layout.faults.exists()


def test_fault_without_a_count_stays_until_cleared(layout: Layout) -> None:
    """A fault for ever hits every time, and a new one takes its place at once."""
    seen = Faults(layout.faults)
    faults.write(layout, "unplug")
    assert [seen.use("unplug") is not None for _ in range(3)] == [True] * 3
    faults.write(layout, "busy")
    assert seen.use("unplug") is None
    assert seen.use("busy") is not None
    faults.clear(layout)
    faults.clear(layout)
    assert seen.use("busy") is None


def test_fault_file_edited_by_hand_is_no_fault(layout: Layout) -> None:
    """A file that says nothing sensible is ignored."""
    faults.write(layout, "busy")
    for text in ("{", "{}", '{"fault": "gremlins"}', "[]"):
        Path(layout.faults).write_text(text)
        assert Faults(layout.faults).use("busy") is None


def test_unknown_fault_is_refused_with_all_that_is_wrong(layout: Layout) -> None:
    """Each wrong argument is named."""
    with pytest.raises(InvalidArgumentError) as caught:
        faults.write(layout, "gremlins", count=0, seconds=-1)
    assert [problem.field for problem in caught.value.problems] == ["/fault", "/count", "/seconds"]
