"""What every camera must do, whatever makes its pictures."""

import importlib.util
from collections.abc import Iterator

import msgspec
import numpy as np
import pytest
import simplejpeg

from cinepi.camera import registry
from cinepi.camera.contract import CameraBackend, Frame, Identity
from cinepi.camera.fit import fit
from cinepi.clock import SystemClock
from cinepi.errors import DeadlineError
from cinepi.exposure.contract import Exposure
from cinepi.features import features_of
from cinepi.model.settings import CameraSettings
from cinepi.paths import Layout

# picamera2 warns of its own use of threads; that is for its makers.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:picamera2")

LIMIT = 10.0
_LIBRARIES = {"picamera2": ("picamera2", "libcamera")}


@pytest.fixture(params=registry.backends())
def camera(request: pytest.FixtureRequest, layout: Layout) -> Iterator[CameraBackend]:
    """Each camera whose library is installed here, not open yet."""
    name: str = request.param
    for library in _LIBRARIES.get(name, ()):
        if importlib.util.find_spec(library) is None:
            pytest.skip(f"{library} is not installed")
    backend = registry.make(name, layout, SystemClock())
    yield backend
    backend.close()


def resolutions(identity: Identity) -> tuple[str, ...]:
    """All sizes on offer, the largest first."""
    return next(feature for feature in identity.features if feature.key == "resolution").choices


def ready(camera: CameraBackend, **asked: object) -> CameraSettings:
    """Open the camera and set it up as near to `asked` as it can."""
    identity = camera.open()
    smallest = resolutions(identity)[-1]
    settings = fit(
        CameraSettings(**{"resolution": smallest, **asked}),  # type: ignore[arg-type]
        identity.features,
    ).settings
    camera.configure(settings)
    return settings


def test_names_itself(camera: CameraBackend) -> None:
    """An open camera tells its model and an id that stays the same when it is opened again."""
    first = camera.open()
    camera.close()
    assert first.model
    assert first.camera_id
    assert camera.open().camera_id == first.camera_id


def test_ranges_are_within_those_of_the_product(camera: CameraBackend) -> None:
    """A camera narrows the ranges of the settings, never widens them, and offers real sizes."""
    general = {feature.key: feature for feature in features_of(CameraSettings)}
    identity = camera.open()
    assert resolutions(identity)
    for feature in identity.features:
        widest = general[feature.key]
        assert widest.minimum is None or (feature.minimum or 0) >= widest.minimum
        assert widest.maximum is None or (feature.maximum or 0) <= widest.maximum
        if widest.choices:
            assert set(feature.choices) <= set(widest.choices)


@pytest.mark.parametrize("which", [0, -1])
def test_picture_has_the_size_asked_for(camera: CameraBackend, which: int) -> None:
    """The largest and the smallest size on offer come out exactly so, with half as much colour."""
    resolution = resolutions(camera.open())[which]
    camera.close()
    ready(camera, resolution=resolution)
    frame = camera.expose(Exposure(), LIMIT)
    width, height = (int(number) for number in resolution.split("x"))
    assert frame.main.y.shape == (height, width)
    assert frame.main.u.shape == frame.main.v.shape == (height // 2, width // 2)
    frame.release()


def test_picture_can_be_encoded(camera: CameraBackend) -> None:
    """The planes go into the JPEG encoder as they are."""
    ready(camera)
    frame = camera.expose(Exposure(), LIMIT)
    main = frame.main
    jpeg = simplejpeg.encode_jpeg_yuv_planes(main.y, main.u, main.v, quality=90)
    frame.release()
    assert simplejpeg.decode_jpeg_header(jpeg)[:2] == (main.height, main.width)


def test_preview_is_the_small_picture(camera: CameraBackend) -> None:
    """A preview is at most 800 pixels wide and shows the same part of the world."""
    ready(camera, resolution="1920x1080")
    frame = camera.expose(Exposure(), LIMIT)
    if frame.preview is not None:
        assert frame.preview.width <= 800
        shape = frame.main.width / frame.main.height
        assert frame.preview.width / frame.preview.height == pytest.approx(shape, rel=0.02)
    frame.release()


def test_exposure_begins_after_the_call(camera: CameraBackend) -> None:
    """No frame from before the call is handed out, and none from the future."""
    ready(camera)
    clock = SystemClock()
    for _ in range(3):
        asked_at = clock.monotonic()
        frame = camera.expose(Exposure(), LIMIT)
        assert asked_at - 0.01 <= frame.began_at <= clock.monotonic()
        frame.release()


def test_each_picture_has_the_exposure_that_it_asked_for(camera: CameraBackend) -> None:
    """Shutter and gain change from picture to picture without `configure`, quick ones and long."""
    ready(camera)
    asked = [
        Exposure(shutter_us=2_000, gain=1.0),
        Exposure(shutter_us=8_000, gain=2.0),
        Exposure(shutter_us=300_000, gain=1.0),
        Exposure(shutter_us=2_000, gain=4.0),
    ]
    for exposure in asked:
        frame = camera.expose(exposure, LIMIT)
        done = frame.achieved
        frame.release()
        if done.exposure_us is not None:  # some cameras tell nothing
            assert done.exposure_us == pytest.approx(exposure.shutter_us, rel=0.02)
        if done.iso is not None:
            assert done.iso / 100 == pytest.approx(exposure.gain, rel=0.02)


def test_camera_decides_what_is_not_asked_for(camera: CameraBackend) -> None:
    """Either half of an exposure may be left to the camera, and both after a fixed one."""
    ready(camera)
    fixed = Exposure(shutter_us=4_000, gain=2.0)
    for exposure in (fixed, Exposure(), Exposure(shutter_us=4_000), Exposure(gain=2.0)):
        frame = camera.expose(exposure, LIMIT)
        done = frame.achieved
        frame.release()
        if done.exposure_us is not None and exposure.shutter_us is not None:
            assert done.exposure_us == pytest.approx(exposure.shutter_us, rel=0.02)
        if done.iso is not None and exposure.gain is not None:
            assert done.iso / 100 == pytest.approx(exposure.gain, rel=0.02)


def test_settings_that_change_hold_for_the_next_picture(camera: CameraBackend) -> None:
    """The first picture after `configure` has them."""
    largest = resolutions(camera.open())[0]
    camera.close()
    settings = ready(camera)
    camera.expose(Exposure(), LIMIT).release()
    camera.configure(msgspec.structs.replace(settings, resolution=largest))
    frame = camera.expose(Exposure(), LIMIT)
    assert f"{frame.main.width}x{frame.main.height}" == largest
    frame.release()


def test_pictures_differ(camera: CameraBackend) -> None:
    """The next picture is a new one."""
    ready(camera)
    first = copy_of(camera.expose(Exposure(), LIMIT))
    second = copy_of(camera.expose(Exposure(), LIMIT))
    assert not np.array_equal(first, second)


def test_settings_that_it_cannot_follow_are_ignored(camera: CameraBackend) -> None:
    """A camera without a setting takes pictures all the same."""
    settings = ready(camera)
    camera.configure(
        msgspec.structs.replace(
            settings,
            exposure_mode="manual",
            lens_position=2.0,
            focus_mode="manual",
            metering="spot",
            white_balance="cloudy",
            sharpness=2.0,
        )
    )
    camera.expose(Exposure(), LIMIT).release()


def test_goes_on_after_a_restart_and_a_rest(camera: CameraBackend) -> None:
    """Restarting the stream and resting leave the settings as they were."""
    settings = ready(camera)
    for interrupt in (camera.restart, camera.rest, camera.restart):
        interrupt()
        frame = camera.expose(Exposure(), LIMIT)
        assert f"{frame.main.width}x{frame.main.height}" == settings.resolution
        frame.release()


def test_too_short_a_limit_is_an_error_that_a_restart_mends(camera: CameraBackend) -> None:
    """A picture that takes too long raises `DeadlineError`, and the camera is none the worse."""
    ready(camera)
    with pytest.raises(DeadlineError):
        camera.expose(Exposure(), 0.0)
    camera.restart()
    camera.expose(Exposure(), LIMIT).release()


def test_closing_twice_is_harmless(camera: CameraBackend) -> None:
    """A closed camera can be closed again, and opened again."""
    ready(camera)
    camera.close()
    camera.close()
    ready(camera)
    camera.expose(Exposure(), LIMIT).release()


def copy_of(frame: Frame) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """The brightness of a frame, which is released."""
    copy = frame.main.y.copy()
    frame.release()
    return copy
