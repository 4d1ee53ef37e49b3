"""Pictures in a camera's own memory, seen as the planes that a JPEG encoder wants."""

import numpy as np

from cinepi.camera.contract import Plane, Planes
from cinepi.errors import CameraUnavailableError

FORMATS = ("YUV420", "YVU420", "NV12", "NV21", "YUYV")
"""libcamera's names of what can be read, the cheapest first."""


def planes_of(memory: Plane, pixel_format: str, size: tuple[int, int], stride: int) -> Planes:
    """The planes of one picture; views into `memory` wherever the format allows it.

    Only colours that are stored in turns (NV12, NV21, YUYV) are copied.

    Args:
        memory: The whole buffer, one dimension.
        pixel_format: One of `FORMATS`.
        size: Width and height in pixels, both even.
        stride: Bytes from one row of brightness to the next.

    Raises:
        CameraUnavailableError: The buffer is too small for the picture, or of another format.
    """
    width, height = size
    rows = height * 3 // 2 if pixel_format != "YUYV" else height
    if pixel_format not in FORMATS:
        raise CameraUnavailableError(
            f"the camera gives pictures as {pixel_format}; only {', '.join(FORMATS)} can be read"
        )
    if memory.size < stride * rows:
        raise CameraUnavailableError(
            f"the camera gave {memory.size} bytes where {stride * rows} were expected"
        )
    if pixel_format == "YUYV":
        return _packed(memory[: stride * rows].reshape(rows, stride), width)
    y = memory[: stride * height].reshape(height, stride)[:, :width]
    colours = memory[stride * height : stride * rows]
    if pixel_format in {"NV12", "NV21"}:
        pairs = colours.reshape(height // 2, stride)[:, :width]
        first, second = (np.ascontiguousarray(pairs[:, start::2]) for start in (0, 1))
    else:
        first, second = (
            plane[:, : width // 2] for plane in colours.reshape(2, height // 2, stride // 2)
        )
    is_swapped = pixel_format in {"YVU420", "NV21"}
    return Planes(y=y, u=second, v=first) if is_swapped else Planes(y=y, u=first, v=second)


def _packed(rows: Plane, width: int) -> Planes:
    """YUYV has colours for every row; a JPEG with half of them keeps those of every second one."""
    pixels = rows[:, : 2 * width]
    y, u, v = pixels[:, 0::2], pixels[::2, 1::4], pixels[::2, 3::4]
    return Planes(*(np.ascontiguousarray(plane) for plane in (y, u, v)))
