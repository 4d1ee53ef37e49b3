"""JPEG, with EXIF in front."""

from collections.abc import Sequence

import simplejpeg

from cinepi.camera.contract import Frame
from cinepi.errors import CameraUnavailableError, InternalError
from cinepi.formats import exif
from cinepi.formats.contract import Buffer, Facts, PictureFormat, Pixels, Said
from cinepi.model.settings import CaptureSettings

_START, _END = b"\xff\xd8", b"\xff\xd9"


class Format(PictureFormat):
    """See `PictureFormat`."""

    def encode(self, frame: Frame, facts: Facts, settings: CaptureSettings) -> Sequence[Buffer]:
        """See `FileFormat.encode`; two parts, which save a copy of the whole picture."""
        planes = frame.main
        try:
            jpeg: bytes = simplejpeg.encode_jpeg_yuv_planes(
                planes.y, planes.u, planes.v, quality=settings.quality
            )
        except ValueError as error:
            raise CameraUnavailableError(f"the camera gave a damaged picture: {error}") from error
        if not self.is_whole(jpeg[:2], jpeg[-2:]):
            raise InternalError("the encoder gave a JPEG without its end; the picture was not kept")
        # EXIF belongs right behind the start marker.
        block = exif.app1(facts, planes.width, planes.height)
        return _START + block, memoryview(jpeg)[len(_START) :]

    def is_whole(self, head: bytes, tail: bytes) -> bool:
        """See `FileFormat.is_whole`: a JPEG has a marker at either end."""
        return head.startswith(_START) and tail.endswith(_END)

    def read(self, head: bytes) -> Said:
        """See `FileFormat.read`."""
        try:
            height, width, _, _ = simplejpeg.decode_jpeg_header(head)
        except ValueError as error:
            raise InternalError(str(error)) from error
        wall, provenance = exif.read(head)
        return Said(width, height, wall, provenance)

    def shrunk(self, content: Buffer, least_width: int) -> Pixels:
        """See `PictureFormat.shrunk`; the decoder halves, quarters … for next to nothing."""
        try:
            pixels: Pixels = simplejpeg.decode_jpeg(
                content, "RGB", fastdct=True, min_width=least_width, min_height=1
            )
        except ValueError as error:
            raise InternalError(f"the picture is damaged: {error}") from error
        return pixels
