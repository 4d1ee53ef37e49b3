"""Is what the camera hands over a whole picture, and can its own account of it be true?"""

import math
from dataclasses import replace

import msgspec

from cinepi.camera.contract import Frame, Planes
from cinepi.errors import CameraUnavailableError
from cinepi.features import plausible_ranges
from cinepi.model.exposures import Achieved
from cinepi.units import MonotonicTime, Seconds

_CLOCK_SLACK: Seconds = 0.1
"""The camera's time stamps and ours are read at slightly different moments."""

_RANGES = plausible_ranges(Achieved)


def checked(frame: Frame, resolution: str, asked_at: MonotonicTime, now: MonotonicTime) -> Frame:
    """The frame with only what can be true in its account.

    Values out of all sense become None. An exposure that cannot have begun when the camera says,
    which is between `asked_at` and `now`, is taken to have begun when it was asked for.

    Raises:
        CameraUnavailableError: The picture is not whole, or not of that `resolution`; the frame
            has been released.
    """
    fault = _fault(frame.main, resolution)
    if fault:
        frame.release()
        message = f"the camera gave a damaged picture: {fault}"
        raise CameraUnavailableError(message)
    is_possible = asked_at - _CLOCK_SLACK <= frame.began_at <= now + _CLOCK_SLACK
    preview = frame.preview
    if preview is not None and _fault(preview, f"{preview.width}x{preview.height}"):
        preview = None
    return replace(
        frame,
        preview=preview,
        began_at=frame.began_at if is_possible else asked_at,
        achieved=_plausible(frame.achieved),
    )


def _fault(planes: Planes, resolution: str) -> str | None:
    size = f"{planes.width}x{planes.height}"
    if size != resolution:
        return f"it has {size} pixels instead of {resolution}"
    half = ((planes.height + 1) // 2, (planes.width + 1) // 2)
    if planes.u.shape != half or planes.v.shape != half:
        return "its colours do not cover it"
    return None


def _plausible(achieved: Achieved) -> Achieved:
    values = msgspec.structs.asdict(achieved)
    impossible = {
        key: None
        for key, (low, high) in _RANGES.items()
        if values[key] is not None
        and not (math.isfinite(values[key]) and low <= values[key] <= high)
    }
    return msgspec.structs.replace(achieved, **impossible) if impossible else achieved
