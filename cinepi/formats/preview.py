"""Previews: small JPEGs that go over MQTT, retained."""

from collections.abc import Callable

import simplejpeg

from cinepi.camera.contract import Planes
from cinepi.errors import InternalError
from cinepi.formats.contract import Buffer, PictureFormat
from cinepi.units import Bytes

PREVIEW_LIMIT: Bytes = 100_000
"""Most bytes of a preview."""

_WIDTH = 480
"""Least width of a preview made of a file."""
_QUALITIES = (85, 70, 50, 30, 10)


def preview_of_planes(planes: Planes) -> bytes:
    """The camera's own small picture as a JPEG of at most `PREVIEW_LIMIT` bytes.

    Raises:
        InternalError: It cannot be encoded, or not so small.
    """
    return _small(
        lambda quality: simplejpeg.encode_jpeg_yuv_planes(
            planes.y, planes.u, planes.v, quality=quality
        )
    )


def preview_of_file(format_: PictureFormat, content: Buffer) -> bytes:
    """A JPEG of at most `PREVIEW_LIMIT` bytes of a whole picture; about 30 ms at 12 megapixels.

    Raises:
        InternalError: It cannot be decoded.
    """
    pixels = format_.shrunk(content, _WIDTH)
    return _small(
        lambda quality: simplejpeg.encode_jpeg(
            pixels, quality=quality, colorspace="RGB", colorsubsampling="420"
        )
    )


def _small(encode: Callable[[int], bytes]) -> bytes:
    """The best of the qualities that is small enough."""
    try:
        for quality in _QUALITIES:
            jpeg = encode(quality)
            if len(jpeg) <= PREVIEW_LIMIT:
                return jpeg
    except ValueError as error:
        raise InternalError(f"no preview could be encoded: {error}") from error
    raise InternalError(f"no preview of at most {PREVIEW_LIMIT} bytes could be made")
