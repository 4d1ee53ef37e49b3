"""From a frame to the bytes of a file: JPEG, checked to be whole, with EXIF; and to a preview."""

from collections.abc import Sequence
from typing import TypeAlias

import simplejpeg

from cinepi.camera.contract import Frame, Planes
from cinepi.errors import CameraUnavailableError, InternalError
from cinepi.formats.exif import Facts, app1
from cinepi.units import Bytes

Buffer: TypeAlias = bytes | memoryview

PREVIEW_LIMIT: Bytes = 100_000
"""Most bytes of a preview: it goes over MQTT, retained."""

_START, _END = b"\xff\xd8", b"\xff\xd9"
_PREVIEW_WIDTH = 480
"""Least width of a preview made of a file: the decoder halves, quarters … for next to nothing."""
_PREVIEW_QUALITIES = (85, 70, 50, 30, 10)


def develop(frame: Frame, *, quality: int, facts: Facts) -> Sequence[Buffer]:
    """Encode a frame; the parts, one after the other, are the file. Blocks for the encoding alone.

    Raises:
        CameraUnavailableError: The frame cannot be encoded, so it is damaged.
        InternalError: The encoder has made a damaged file.
    """
    jpeg = _encoded(frame.main, quality)
    if not is_whole(jpeg):
        raise InternalError("the encoder gave a JPEG without its end; the picture was not kept")
    # EXIF belongs right behind the start marker; parts save a copy of the whole picture.
    exif = app1(facts, frame.main.width, frame.main.height)
    return _START + exif, memoryview(jpeg)[len(_START) :]


def is_whole(jpeg: Buffer) -> bool:
    """Whether it begins and ends as a JPEG does: a file cut short does not."""
    return bytes(jpeg[:2]) == _START and bytes(jpeg[-2:]) == _END


def preview_of_frame(frame: Frame) -> bytes | None:
    """The camera's own small picture as a JPEG of at most `PREVIEW_LIMIT` bytes, if it made one."""
    if frame.preview is None:
        return None
    for quality in _PREVIEW_QUALITIES:
        jpeg = _encoded(frame.preview, quality)
        if len(jpeg) <= PREVIEW_LIMIT:
            return jpeg
    return None


def preview_of_jpeg(jpeg: Buffer) -> bytes:
    """A small JPEG of a large one, at most `PREVIEW_LIMIT` bytes; about 30 ms at 12 megapixels.

    Raises:
        InternalError: It cannot be decoded.
    """
    try:
        pixels = simplejpeg.decode_jpeg(
            jpeg, "RGB", fastdct=True, min_width=_PREVIEW_WIDTH, min_height=1
        )
        for quality in _PREVIEW_QUALITIES:
            small: bytes = simplejpeg.encode_jpeg(
                pixels, quality=quality, colorspace="RGB", colorsubsampling="420"
            )
            if len(small) <= PREVIEW_LIMIT:
                return small
    except ValueError as error:
        raise InternalError(f"the picture is damaged: {error}") from error
    raise InternalError(f"no preview of at most {PREVIEW_LIMIT} bytes could be made")


def _encoded(planes: Planes, quality: int) -> bytes:
    try:
        jpeg: bytes = simplejpeg.encode_jpeg_yuv_planes(
            planes.y, planes.u, planes.v, quality=quality
        )
    except ValueError as error:
        raise CameraUnavailableError(f"the camera gave a damaged picture: {error}") from error
    return jpeg
