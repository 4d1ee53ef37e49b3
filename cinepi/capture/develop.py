"""From a frame to the bytes of its files: the picture, and whatever lies beside it."""

from collections.abc import Sequence

from cinepi.camera.contract import Frame
from cinepi.capture.beside import Beside
from cinepi.capture.naming import ending_for
from cinepi.formats import registry
from cinepi.formats.contract import Buffer, Facts
from cinepi.formats.preview import preview_of_file, preview_of_planes
from cinepi.logs.setup import logger
from cinepi.model.settings import CaptureSettings

Files = dict[str, Sequence[Buffer]]
"""The parts of each file, by the ending of its name; the picture first."""

_log = logger("develop")


def developed(frame: Frame, facts: Facts, settings: CaptureSettings, number: int = 1) -> Files:
    """Encode a frame in the format of pictures and in all those of companions.

    Blocks for the encoding. A companion that cannot be encoded is left out, and the log says so.

    Args:
        frame: Which; it is not released.
        facts: What the files are to say of themselves.
        settings: The format of pictures, and what formats want to know.
        number: Of the exposure in its shot, from 1.

    Raises:
        CameraUnavailableError: The picture cannot be encoded, so the frame is damaged.
        InternalError: The encoder has made a damaged picture.
    """
    suffix = settings.output_format
    picture = registry.pictures()[suffix].encode(frame, facts, settings)
    files: Files = {ending_for(suffix, number): picture}
    for suffix, companion in registry.companions().items():
        try:
            parts = companion.encode(frame, facts, settings)
        except Exception:  # noqa: BLE001 - whatever it is, it must not cost the picture
            _log.exception("companion not made", format=suffix)
        else:
            if parts is not None:
                files[ending_for(suffix, number)] = parts
    return files


class PreviewBeside:
    """The preview of a frame, encoded in a thread of its own; it never costs the picture."""

    def __init__(self, frame: Frame) -> None:
        """Begin, if the camera made a small picture; `end` comes before the frame is released."""
        planes = frame.preview
        self._work: Beside[bytes] | None = None
        if planes is not None:
            self._work = Beside(lambda: preview_of_planes(planes), "preview")

    def end(self) -> None:
        """Wait for the thread to be done with the frame."""
        if self._work is not None:
            self._work.wait()

    def result(self, files: Files) -> bytes | None:
        """The preview: of the camera's small picture, or else of the picture in `files`."""
        try:
            if self._work is not None:
                return self._work.result()
        except Exception:  # noqa: BLE001 - whatever it is, it must not cost the picture
            _log.exception("the camera's small picture cannot be encoded")
        suffix, picture = next(iter(files.items()))
        try:
            return preview_of_file(registry.pictures()[suffix], b"".join(picture))
        except Exception:  # noqa: BLE001 - as above
            _log.exception("no preview could be made")
        return None
