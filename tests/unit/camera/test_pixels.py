import numpy as np
import pytest

from cinepi.camera.backends.picamera2.pixels import planes_of
from cinepi.camera.contract import Plane
from cinepi.errors import CameraUnavailableError

WIDTH, HEIGHT, STRIDE = 6, 4, 8
Y = np.arange(24, dtype=np.uint8).reshape(HEIGHT, WIDTH)
U = np.arange(100, 106, dtype=np.uint8).reshape(HEIGHT // 2, WIDTH // 2)
V = np.arange(200, 206, dtype=np.uint8).reshape(HEIGHT // 2, WIDTH // 2)


def padded(plane: Plane, stride: int) -> Plane:
    """The plane as hardware lays it out, each row filled up to the stride."""
    return np.pad(plane, ((0, 0), (0, stride - plane.shape[1])), constant_values=255).ravel()


def buffer(pixel_format: str) -> Plane:
    """The picture as a camera hands it over."""
    if pixel_format == "YUYV":
        rows = np.zeros((HEIGHT, 2 * WIDTH), np.uint8)
        rows[:, 0::2] = Y
        rows[:, 1::4], rows[:, 3::4] = U.repeat(2, 0), V.repeat(2, 0)
        return padded(rows, 2 * STRIDE)
    first, second = (U, V) if pixel_format in {"YUV420", "NV12"} else (V, U)
    if pixel_format.startswith("NV"):
        pairs = np.dstack([first, second]).reshape(HEIGHT // 2, WIDTH)
        return np.concatenate([padded(Y, STRIDE), padded(pairs, STRIDE)])
    colours = [padded(plane, STRIDE // 2) for plane in (first, second)]
    return np.concatenate([padded(Y, STRIDE), *colours])


@pytest.mark.parametrize("pixel_format", ["YUV420", "YVU420", "NV12", "NV21", "YUYV"])
def test_every_format_gives_the_same_picture(pixel_format: str) -> None:
    """Whatever the layout and the padding, the planes are those of the picture."""
    stride = 2 * STRIDE if pixel_format == "YUYV" else STRIDE
    planes = planes_of(buffer(pixel_format), pixel_format, (WIDTH, HEIGHT), stride)
    assert np.array_equal(planes.y, Y)
    assert np.array_equal(planes.u, U)
    assert np.array_equal(planes.v, V)


def test_planes_are_not_copied() -> None:
    """The usual format is read where it lies, and what fills the page behind it is ignored."""
    memory = np.concatenate([buffer("YUV420"), np.zeros(4096, np.uint8)])
    planes = planes_of(memory, "YUV420", (WIDTH, HEIGHT), STRIDE)
    assert all(np.shares_memory(plane, memory) for plane in (planes.y, planes.u, planes.v))


def test_short_buffer_is_an_error() -> None:
    """A buffer that is too small is a fault of the camera, not a crash."""
    with pytest.raises(CameraUnavailableError, match="bytes"):
        planes_of(buffer("YUV420")[:-1], "YUV420", (WIDTH, HEIGHT), STRIDE)


def test_unknown_format_is_named() -> None:
    """A format that cannot be read is named, with those that can."""
    with pytest.raises(CameraUnavailableError, match=r"MJPEG.*YUV420"):
        planes_of(np.zeros(10, np.uint8), "MJPEG", (WIDTH, HEIGHT), STRIDE)
