import math

import pytest

from cinepi.camera.backends.picamera2 import controls
from cinepi.exposure.contract import Exposure
from cinepi.model.settings import CameraSettings

# What picamera2 lists for the High Quality Camera once it is configured, as documented for it.
IMX477: dict[str, controls.Range] = {
    "AeEnable": (False, True, True),
    "AeMeteringMode": (0, 3, 0),
    "AnalogueGain": (1.0, 22.26, 1.0),
    "AwbEnable": (False, True, None),
    "AwbMode": (0, 7, 0),
    "Brightness": (-1.0, 1.0, 0.0),
    "Contrast": (0.0, 32.0, 1.0),
    "ExposureTime": (114, 694_422_939, 20_000),
    "ExposureValue": (-8.0, 8.0, 0.0),
    "FrameDurationLimits": (33_333, 694_434_742, None),
    "NoiseReductionMode": (0, 4, 0),
    "Saturation": (0.0, 32.0, 1.0),
    "Sharpness": (0.0, 16.0, 1.0),
}
VIRTUAL: dict[str, controls.Range] = {
    "FrameDurationLimits": (16_666, 33_333, None),
    "FaceDetectMode": (0, 1, 0),
}


def test_features_are_what_the_camera_advertises() -> None:
    """A fixed lens has no focus, and the shutter has the sensor's range within the product's."""
    features = {
        feature.key: feature
        for feature in controls.features(IMX477, ["4056x3040"], can_rotate=True)
    }
    assert not {"focus_mode", "lens_position", "backend"} & set(features)
    assert {"exposure_mode", "shutter_us", "iso", "gain", "rotation"} <= set(features)
    assert features["shutter_us"].minimum == 114
    assert features["shutter_us"].maximum == 600_000_000
    assert features["resolution"].choices == ("4056x3040",)


def test_camera_that_advertises_next_to_nothing() -> None:
    """Such a camera has a resolution, and no control is set that it does not know."""
    features = controls.features(VIRTUAL, ["1280x720"], can_rotate=False)
    assert [feature.key for feature in features] == ["resolution"]
    assert controls.standing(CameraSettings(), VIRTUAL) == {}
    assert controls.of_exposure(Exposure(shutter_us=5000, gain=1.0), VIRTUAL) == {}


def test_narrow_choices() -> None:
    """A camera without continuous focus offers the other two modes."""
    features = controls.features({"AfMode": (0, 1, 0)}, ["640x480"], can_rotate=False)
    assert features[-1].choices == ("manual", "auto")


def test_fixed_exposure() -> None:
    """Shutter and gain are set as they are asked for."""
    wanted = controls.of_exposure(Exposure(shutter_us=5000, gain=8.0), IMX477)
    assert wanted == {"ExposureTime": 5000, "AnalogueGain": 8.0}


def test_automatic_exposure_takes_back_what_was_fixed() -> None:
    """Shutter and gain go back to the automatic, which is compensated as asked."""
    assert controls.of_exposure(Exposure(), IMX477) == {
        "AeEnable": True,
        "ExposureTime": 0,
        "AnalogueGain": 0.0,
    }
    assert controls.standing(CameraSettings(ev=-1.0), IMX477)["ExposureValue"] == -1.0


def test_half_of_an_exposure_may_be_left_to_the_camera() -> None:
    """A fixed shutter with a gain that the camera finds, or the other way round."""
    assert controls.of_exposure(Exposure(shutter_us=5000), IMX477) == {
        "ExposureTime": 5000,
        "AnalogueGain": 0.0,
    }


@pytest.mark.parametrize(
    ("metadata", "is_shown"),
    [
        ({"ExposureTime": 10_000, "AnalogueGain": 4.0, "DigitalGain": 2.0}, True),
        (
            {"ExposureTime": 9_900, "AnalogueGain": 8.08},
            True,
        ),  # lines are whole, the light is right
        ({"ExposureTime": 9_900, "AnalogueGain": 7.8}, False),  # too dark by 3.5 percent
        ({"ExposureTime": 20_000, "AnalogueGain": 4.0}, False),  # the light of another exposure
        ({"ExposureTime": 5_000, "AnalogueGain": 8.0}, False),
        ({"ExposureTime": 10_000}, True),  # says nothing of gain
        ({}, True),
    ],
)
def test_frame_shows_what_was_asked_for(metadata: dict[str, object], *, is_shown: bool) -> None:
    """Within 2 percent of the light and the shutter, as far as the camera tells."""
    assert controls.shows(metadata, Exposure(shutter_us=10_000, gain=8.0)) is is_shown


def test_shortest_shutters_are_counted_in_lines() -> None:
    """A line of the sensor is a tenth of a short shutter; the gain makes up for it."""
    asked = Exposure(shutter_us=114, gain=1.0)
    assert controls.shows({"ExposureTime": 134, "AnalogueGain": 1.0, "DigitalGain": 0.851}, asked)


def test_long_exposures_are_not_capped_by_the_frame_rate() -> None:
    """The frame may last as long as the longest exposure."""
    wanted = controls.standing(CameraSettings(), IMX477)
    assert isinstance(wanted["FrameDurationLimits"], tuple)
    assert wanted["FrameDurationLimits"][1] >= 600_000_000


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (
            CameraSettings(focus_mode="manual", lens_position=2.5),
            {"AfMode": 0, "LensPosition": 2.5},
        ),
        (CameraSettings(focus_mode="auto"), {"AfMode": 1, "AfTrigger": 0}),
        (CameraSettings(focus_mode="continuous"), {"AfMode": 2}),
    ],
)
def test_focus(settings: CameraSettings, expected: dict[str, float]) -> None:
    """The lens is placed in manual mode, told to look once in auto, and left alone otherwise."""
    advertised: dict[str, controls.Range] = {
        "AfMode": (0, 2, 0),
        "AfTrigger": (0, 1, 0),
        "LensPosition": (0.0, 15.0, 1.0),
    }
    assert controls.standing(settings, advertised) == expected


def test_iso_is_what_the_camera_did() -> None:
    """The ISO reported is both gains together."""
    achieved = controls.achieved(
        {"AnalogueGain": 4.0, "DigitalGain": 1.25, "ExposureTime": 9998, "Lux": 431.123}
    )
    assert (achieved.iso, achieved.exposure_us, achieved.lux) == (500, 9998, 431.12)


@pytest.mark.parametrize("nothing", [{}, {"AnalogueGain": math.nan, "ExposureTime": "long"}])
def test_missing_metadata_is_unknown(nothing: dict[str, object]) -> None:
    """What the camera does not say sensibly is unknown, not zero."""
    achieved = controls.achieved(nothing)
    assert achieved.iso is None
    assert achieved.exposure_us is None


def test_exposure_began_before_its_time_stamp() -> None:
    """The sensor's stamp is that of the end of the exposure."""
    metadata = {"SensorTimestamp": 100_000_000_000, "ExposureTime": 500_000}
    assert controls.began_at(metadata, now=100.1) == pytest.approx(99.5)


@pytest.mark.parametrize("stamp", [None, 0, 200_000_000_000, math.nan])
def test_useless_time_stamp(stamp: float | None) -> None:
    """A stamp that is missing, or of another clock, is not believed."""
    assert (
        controls.began_at({"SensorTimestamp": stamp}, now=10_000.0 if stamp == 0 else 100) is None
    )


def test_exposure_has_settled() -> None:
    """Both of libcamera's ways to say so are understood, and silence means yes."""
    assert not controls.is_settled({"AeState": 1})
    assert controls.is_settled({"AeState": 2})
    assert not controls.is_settled({"AeLocked": False})
    assert controls.is_settled({})
