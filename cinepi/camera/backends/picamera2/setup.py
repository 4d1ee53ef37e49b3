"""Setting the camera up for stills: which sizes it has, which format is read, and a small picture.

One setup serves pictures and previews alike, with a small second picture for the preview, since
each change takes contiguous memory anew, of which small boards run out.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from cinepi.camera.backends.picamera2.pixels import FORMATS
from cinepi.errors import CameraUnavailableError
from cinepi.units import Bytes

_PREVIEW_WIDTH = 800
_COMMON_SIZES = ((1920, 1080), (1280, 720), (640, 480))
_BYTES_PER_PIXEL = 1.5
_FRAMES_OF_SPARE_MEMORY = 4

Size: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Setup:
    """What can only be changed by setting the whole camera up anew.

    Attributes:
        size: Width and height in pixels.
        is_turned: Whether the picture is turned by 180°.
    """

    size: Size
    is_turned: bool


def set_up(picam2: Any, setup: Setup) -> None:
    """Set up a camera that does not stream.

    Raises:
        CameraUnavailableError: It gives another size than it offered.
    """
    import libcamera  # noqa: PLC0415 - only where it is installed and wanted

    size = setup.size
    config = picam2.create_still_configuration(
        main={"size": size, "format": _pixel_format(picam2)},
        lores={"size": _preview_size(size), "format": "YUV420"},
        raw=None,
        transform=libcamera.Transform(hflip=setup.is_turned, vflip=setup.is_turned),
        buffer_count=_buffers(size),
        queue=False,
    )
    try:
        picam2.configure(config)
        is_small = picam2.camera_configuration()["lores"]["size"][0] <= _PREVIEW_WIDTH
    except (RuntimeError, ValueError, IndexError):
        is_small = False
    if not is_small:
        # Not every camera can scale, or give two pictures at once: then there is but one.
        config["lores"] = None
        picam2.configure(config)
    given = picam2.camera_configuration()["main"]
    if tuple(given["size"]) != size:
        raise CameraUnavailableError(
            f"the camera gives {given['size'][0]}x{given['size'][1]} pixels instead of "
            f"{size[0]}x{size[1]}"
        )


def resolutions(picam2: Any) -> tuple[str, ...]:
    """All sizes on offer, the largest first."""
    if can_turn(picam2):
        width, height = picam2.sensor_resolution
        sizes = {(width, height), (width // 4 * 2, height // 4 * 2), *_COMMON_SIZES}
        sizes = {size for size in sizes if size[0] <= width and size[1] <= height}
    else:
        sizes = _fixed_sizes(picam2, _pixel_format(picam2))
    even = [size for size in sizes if size[0] % 2 == 0 and size[1] % 2 == 0]
    even.sort(key=lambda size: (size[0] * size[1], size), reverse=True)
    return tuple(f"{width}x{height}" for width, height in even)


def can_turn(picam2: Any) -> bool:
    """Whether it is a camera of a Raspberry Pi, which scales, turns, and makes every format."""
    return "ColorFilterArrangement" in picam2.camera_properties


def _pixel_format(picam2: Any) -> str:
    """The cheapest format that the camera has."""
    if can_turn(picam2):
        return FORMATS[0]
    offered = [str(pixel_format) for pixel_format in _plain(picam2).at(0).formats.pixel_formats]
    readable = [pixel_format for pixel_format in FORMATS if pixel_format in offered]
    if readable:
        return readable[0]
    raise CameraUnavailableError(
        f"the camera gives pictures as {', '.join(offered)}; only {', '.join(FORMATS)} can be read"
    )


def _fixed_sizes(picam2: Any, name: str) -> set[Size]:
    """The sizes that a camera without a scaler really gives, of all that it lists."""
    config = _plain(picam2)
    stream = config.at(0)
    wanted = next(one for one in stream.formats.pixel_formats if str(one) == name)
    sizes: set[Size] = set()
    for size in stream.formats.sizes(wanted):
        stream.pixel_format, stream.size = wanted, size
        config.validate()  # moves the size to what it would be
        sizes.add((stream.size.width, stream.size.height))
    return sizes


def _plain(picam2: Any) -> Any:
    """A configuration of libcamera's own, to ask what there is."""
    import libcamera  # noqa: PLC0415 - only where it is installed and wanted

    return picam2.camera.generate_configuration([libcamera.StreamRole.Viewfinder])


def _preview_size(size: Size) -> Size:
    shrink = max(1.0, size[0] / _PREVIEW_WIDTH)
    width, height = (2 * round(length / shrink / 2) for length in size)
    return width, height


def _buffers(size: Size) -> int:
    """Two frames in turn are quicker; one is all that a small board can hold."""
    needed = size[0] * size[1] * _BYTES_PER_PIXEL * _FRAMES_OF_SPARE_MEMORY
    free = _free_contiguous_memory()
    return 2 if free is None or free > needed else 1


def _free_contiguous_memory() -> Bytes | None:
    """What the kernel's contiguous allocator has left; None where there is none."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "CmaFree":
            return int(value.split()[0]) * 1024 or None
    return None
