"""The meter says in stops how bright a picture is."""

from typing import Any

import numpy as np
import pytest

from cinepi.exposure.contract import Exposure
from cinepi.exposure.meter import level, readings
from cinepi.model.documents import CaptureDocument
from cinepi.model.exposures import Achieved, TakenExposure


def flat(light: float, height: int = 600, width: int = 800) -> np.ndarray:
    """A picture of one brightness, given as a share of the brightest light."""
    return np.full((height, width), round(255 * light ** (1 / 2.2)), np.uint8)


def test_grey_card_is_the_middle() -> None:
    """A card of 18 percent is at 0, and half and twice the light one stop below and above."""
    assert level(flat(0.18)) == pytest.approx(0, abs=0.02)
    assert level(flat(0.09)) == pytest.approx(-1, abs=0.02)
    assert level(flat(0.36)) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(("value", "expected"), [(0, -17.3), (255, 2.47)])
def test_black_and_white_have_a_level(value: int, expected: float) -> None:
    """Neither is infinite, and the one is far below the other."""
    assert level(np.full((480, 640), value, np.uint8)) == pytest.approx(expected, abs=0.1)


def test_lamp_in_the_night_counts_by_its_size() -> None:
    """A light that covers three percent of the picture moves the level by less than 0.1 stops."""
    night = flat(0.01)
    lamp = night.copy()
    lamp[100:200, 300:444] = 255
    assert abs(level(lamp) - level(night)) < 0.1


@pytest.mark.parametrize("shape", [(3040, 4056), (480, 640), (10, 20), (18, 32)])
def test_size_does_not_matter(shape: tuple[int, int]) -> None:
    """A preview tells the same as the picture, and no size is too small."""
    ramp = np.linspace(20, 200, shape[1]).astype(np.uint8)
    assert level(np.tile(ramp, (shape[0], 1))) == pytest.approx(-0.7, abs=0.8)


@pytest.mark.parametrize(
    ("achieved", "expected"),
    [
        (Achieved(exposure_us=1_000_000, analogue_gain=1.0, digital_gain=1.0), 0.0),
        (Achieved(exposure_us=500_000, analogue_gain=4.0, digital_gain=2.0), 2.0),
        (Achieved(exposure_us=250_000, analogue_gain=4.0), 0.0),
        (Achieved(exposure_us=1_000_000, iso=800), 3.0),
        (Achieved(exposure_us=1_000_000), None),
        (Achieved(iso=100), None),
    ],
)
def test_exposure_is_what_the_camera_did(achieved: Achieved, expected: float | None) -> None:
    """Seconds and both gains together, in stops; None where the camera does not say."""
    [reading] = readings(picture(achieved=achieved, level_ev=0.5))
    assert (reading.exposure_ev, reading.level_ev) == (expected, 0.5)
    assert (reading.began_at, reading.asked) == (1_800_000_000.0, Exposure())


def test_each_exposure_of_a_shot_is_a_reading() -> None:
    """With what it asked for; one that was not metered teaches nothing."""
    asked = Exposure(shutter_us=1_000_000)
    shot = picture(
        asked=asked,
        achieved=Achieved(exposure_us=1_000_000, iso=200),
        exposures=(
            TakenExposure(
                asked=asked, achieved=Achieved(exposure_us=1_000_000, iso=200), level_ev=-1.0
            ),
        ),
    )
    [reading] = readings(shot)
    assert (reading.asked, reading.level_ev, reading.exposure_ev) == (asked, -1.0, 1.0)
    assert readings(picture()) == ()


def picture(**facts: Any) -> CaptureDocument:
    """One of the beginning of 2027."""
    return CaptureDocument(
        filename="cinepi_20270115_080000.jpg",
        path="",
        size=1,
        sha256="",
        taken_at="2027-01-15T08:00:00Z",
        width=1,
        height=1,
        kind="frame",
        **facts,
    )
