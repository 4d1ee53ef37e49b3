import os
import threading
from pathlib import Path

import pytest

from cinepi.camera import backends, registry
from cinepi.camera.backends.picamera2.causes import translated
from cinepi.camera.backends.picamera2.holders import camera_holders
from cinepi.camera.bounded import BoundedCaller
from cinepi.camera.fit import fit, fit_exposure
from cinepi.clock import SystemClock
from cinepi.errors import (
    CameraUnavailableError,
    DeadlineError,
    InternalError,
    InvalidArgumentError,
)
from cinepi.exposure.contract import Exposure
from cinepi.features import features_of
from cinepi.model.settings import CameraSettings
from cinepi.paths import Layout
from tests.unit.camera.bench import MovingClock

FEATURES = {feature.key: feature for feature in features_of(CameraSettings)}


def test_cameras_are_the_folders_in_the_folder(layout: Layout) -> None:
    """Each folder is a camera, and a name that has no folder is refused with the list."""
    folders = {path.name for path in Path(backends.__file__).parent.iterdir() if path.is_dir()}
    assert set(registry.backends()) == folders - {"__pycache__"}
    assert FEATURES["backend"].choices == ("auto", *registry.backends())
    known = ", ".join(("auto", *registry.backends()))
    with pytest.raises(InvalidArgumentError, match=known) as caught:
        registry.make("betamax", layout, SystemClock())
    assert caught.value.field == "/camera/backend"


def test_call_that_hangs_is_left_behind() -> None:
    """A call that does not end in time raises, and the next one finds a fresh thread."""
    caller = BoundedCaller("test", SystemClock())
    stuck = threading.Event()
    late: list[int] = []

    def hang() -> int:
        stuck.wait(30)
        return 7

    with pytest.raises(DeadlineError, match=r"waiting has not ended within 0\.1 s"):
        caller.call(hang, 0.1, "waiting", discard=late.append)
    assert caller.call(lambda: 3, 5, "adding") == 3
    stuck.set()
    for _ in range(500):
        if late:
            break
        threading.Event().wait(0.01)
    assert late == [7]
    caller.stop()


def test_call_promises_its_end_when_it_begins() -> None:
    """Any thread can see by when a call is over, and how long it should have been."""
    clock = MovingClock()
    caller = BoundedCaller("test", clock)
    has_begun, may_end = threading.Event(), threading.Event()

    def work() -> None:
        has_begun.set()
        may_end.wait(30)

    began = clock.monotonic()
    other = threading.Thread(target=lambda: caller.call(work, 20, "waiting"), name="other")
    other.start()
    assert has_begun.wait(10)
    assert caller.promise - began == pytest.approx(20, abs=5)
    assert caller.overdue() == 0.0
    clock.offset += 100
    assert caller.overdue() == pytest.approx(80, abs=5)
    may_end.set()
    other.join(10)
    assert caller.overdue() == 0.0
    caller.stop()


def test_errors_of_a_call_come_through() -> None:
    """Our errors pass as they are; others become one of ours, with their cause."""
    caller = BoundedCaller("test", SystemClock())

    def fail(error: Exception) -> None:
        raise error

    with pytest.raises(CameraUnavailableError, match="gone"):
        caller.call(lambda: fail(CameraUnavailableError("gone")), 5, "opening")
    with pytest.raises(InternalError, match="opening failed: ZeroDivisionError: oops") as caught:
        caller.call(lambda: fail(ZeroDivisionError("oops")), 5, "opening")
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    caller.stop()


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("1920x1080", "1920x1080"),
        ("4056x3040", "4608x2592"),  # a camera of about as many pixels, in another shape
        ("10x10", "640x480"),
        ("9999x9999", "4608x2592"),
    ],
)
def test_nearest_size(asked: str, expected: str) -> None:
    """A size that the camera does not have becomes the one of about as many pixels."""
    feature = FEATURES["resolution"].narrowed(choices=["4608x2592", "1920x1080", "640x480"])
    fitted = fit(CameraSettings(resolution=asked), (feature,))
    assert fitted.settings.resolution == expected
    assert fitted.adjusted == (() if asked == expected else ("resolution",))


def test_exposure_is_moved_into_the_range_of_the_camera() -> None:
    """A shutter out of range becomes the nearest; what is not asked for is left to the camera."""
    feature = FEATURES["shutter_us"].narrowed(minimum=114, maximum=1_000_000)
    asked = Exposure(shutter_us=2_000_000, gain=2.0)
    assert fit_exposure(asked, (feature,)) == Exposure(shutter_us=1_000_000, gain=2.0)
    assert fit_exposure(Exposure(shutter_us=1), (feature,)) == Exposure(shutter_us=114)
    assert fit_exposure(Exposure(gain=2.0), (feature,)) == Exposure(gain=2.0)
    assert fit_exposure(asked, ()) == Exposure()


def test_choice_that_is_not_offered_becomes_the_default() -> None:
    """Other choices fall back to the default, or to the first where that is not offered either."""
    no_auto = FEATURES["white_balance"].narrowed(choices=["cloudy", "daylight"])
    fitted = fit(CameraSettings(white_balance="tungsten"), (no_auto,))
    assert fitted.settings.white_balance == "cloudy"
    assert fitted.adjusted == ("white_balance",)


def test_holder_of_a_camera_is_named(tmp_path: Path) -> None:
    """A process with a camera device open is found by name; others, and this one, are not."""
    for pid, name, target in (
        (17, "rpicam-vid", "/dev/video0"),
        (18, "bash", "/dev/null"),
        (os.getpid(), "python3", "/dev/media1"),
    ):
        (tmp_path / str(pid) / "fd").mkdir(parents=True)
        (tmp_path / str(pid) / "comm").write_text(f"{name}\n")
        (tmp_path / str(pid) / "fd" / "3").symlink_to(target)
    (tmp_path / "meminfo").write_text("")
    assert camera_holders(tmp_path) == ("rpicam-vid (pid 17)",)


@pytest.mark.parametrize(
    ("inner", "words"),
    [
        (RuntimeError("Failed to acquire camera: Device or resource busy"), "in use by"),
        (OSError(12, "Cannot allocate memory"), "smaller resolution"),
        (KeyError("SensorTimestamp"), "SensorTimestamp"),
        (MemoryError(), "MemoryError"),
    ],
)
def test_errors_of_the_library_say_what_to_do(inner: Exception, words: str) -> None:
    """The innermost cause is told, with what to do about it."""
    outer = RuntimeError("Camera __init__ sequence did not complete.")
    outer.__cause__ = inner
    with pytest.raises(CameraUnavailableError, match=words), translated("opening the camera"):
        raise outer
