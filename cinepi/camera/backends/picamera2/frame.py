"""What a completed request of picamera2 holds, as a frame."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np

from cinepi.camera.backends.picamera2 import controls
from cinepi.camera.backends.picamera2.pixels import planes_of
from cinepi.camera.contract import Frame, Planes
from cinepi.units import MonotonicTime


def frame_of(request: Any, began: MonotonicTime) -> Frame:
    """The pictures of a request where they lie, in the camera's own memory.

    Raises:
        CameraUnavailableError: They are of a format that cannot be read, or not whole; the request
            has been released.
    """
    from picamera2 import MappedArray  # noqa: PLC0415 - only where it is installed and wanted

    mapped: list[Any] = []

    def release() -> None:
        for array in mapped:
            with suppress(BufferError):  # a view lives on; its memory goes with it
                array.__exit__(None, None, None)
        request.release()

    def planes(stream: str, config: Mapping[str, Any]) -> Planes:
        array = MappedArray(request, stream, reshape=False, write=False)
        array.__enter__()
        mapped.append(array)
        memory = np.asarray(array.array)
        return planes_of(memory, config["format"], tuple(config["size"]), config["stride"])

    try:
        config = request.config
        main = planes("main", config["main"])
        preview = planes("lores", config["lores"]) if config["lores"] else None
        achieved = controls.achieved(request.get_metadata())
    except BaseException:
        release()
        raise
    return Frame(
        main=main,
        preview=preview,
        began_at=began,
        achieved=achieved,
        release=release,
    )
