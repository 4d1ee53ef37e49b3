"""How bright a picture is: a meter of our own, the same for every camera.

It takes the mean of stops, not of light, so that a lamp in the night or a cloud in the sun counts
as the share of the picture that it covers, not as its brightness.
"""

import math

import numpy as np
from numpy.typing import NDArray

from cinepi.clock import parse_time
from cinepi.exposure.contract import Reading
from cinepi.model.documents import CaptureDocument
from cinepi.model.exposures import Achieved
from cinepi.units import Stops

MIDDLE_GREY = 0.18
"""The share of light that a grey card throws back, and that a meter takes for the middle."""
_GAMMA = 2.2
_SAMPLES = 400  # across the picture; more change the level by less than 0.01 stops
_TILES = (18, 32)  # rows and columns
_TRIMMED = 0.05  # of the tiles, the brightest and the darkest so many are left out
# The level of each value of a pixel. Black counts as half a step, since its logarithm has no end.
_LEVELS = (_GAMMA * np.log2(np.maximum(np.arange(256), 0.5) / 255) - np.log2(MIDDLE_GREY)).astype(
    np.float32
)


def readings(capture: CaptureDocument) -> tuple[Reading, ...]:
    """What the exposures of a shot tell about the light, in their order; none where it is unknown.

    All that they are made of is kept with the picture, so that it can be learned from later too.
    """
    began_at = parse_time(capture.taken_at, "/taken_at")
    return tuple(
        Reading(
            asked=taken.asked,
            level_ev=taken.level_ev,
            exposure_ev=_exposure(taken.achieved),
            began_at=began_at,
        )
        for taken in (capture, *capture.exposures)
        if taken.level_ev is not None
    )


def level(y: NDArray[np.uint8]) -> Stops:
    """How bright a picture is, in stops above middle grey; from -19.5 for black to 2.5 for white.

    Blocks for less than 2 ms.

    The mean over tiles, of which the brightest and the darkest twentieth do not count.
    """
    step = max(1, y.shape[1] // _SAMPLES)
    samples = y[::step, ::step]
    rows, columns = (
        min(tiles, length) for tiles, length in zip(_TILES, samples.shape, strict=True)
    )
    height, width = samples.shape[0] // rows, samples.shape[1] // columns
    whole = _LEVELS[samples[: rows * height, : columns * width]]
    tiles = np.sort(whole.reshape(rows, height, columns, width).mean(axis=(1, 3)), axis=None)
    trimmed = int(tiles.size * _TRIMMED)
    return float(tiles[trimmed : tiles.size - trimmed].mean())


def _exposure(achieved: Achieved) -> Stops | None:
    """log2 of seconds × total gain; of a camera that does not tell its gains, by its ISO."""
    if achieved.analogue_gain is not None:
        gain = achieved.analogue_gain * (achieved.digital_gain or 1.0)
    elif achieved.iso is not None:
        gain = achieved.iso / 100
    else:
        return None
    if achieved.exposure_us is None:
        return None
    return round(math.log2(achieved.exposure_us / 1e6 * gain), 4)
