"""Exposures: what is asked of the camera for each, and what comes of it."""

from typing import Annotated

import msgspec

from cinepi.features import plausible
from cinepi.units import Microseconds, Stops


class Achieved(msgspec.Struct, frozen=True, kw_only=True):
    """What the camera really did for one picture, from its own metadata; None where it cannot say.

    Each field says what can be true of it (`plausible`); what cannot is told as None.

    Attributes:
        exposure_us: Exposure time.
        iso: Analogue gain × digital gain × 100, rounded.
        analogue_gain: Gain in the sensor.
        digital_gain: Gain after the sensor.
        colour_temperature_k: White point in kelvin.
        lux: Brightness of the scene.
        lens_position: Focus in dioptres.
        sensor_temperature_c: In °C.
    """

    exposure_us: Annotated[Microseconds | None, plausible(1, 4_000_000_000)] = None
    iso: Annotated[int | None, plausible(1, 10_000_000)] = None
    analogue_gain: Annotated[float | None, plausible(0.01, 1000)] = None
    digital_gain: Annotated[float | None, plausible(0.01, 1000)] = None
    colour_temperature_k: Annotated[int | None, plausible(500, 100_000)] = None
    lux: Annotated[float | None, plausible(0, 10_000_000)] = None
    lens_position: Annotated[float | None, plausible(0, 100)] = None
    sensor_temperature_c: Annotated[float | None, plausible(-80, 200)] = None


class Exposure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one picture asks of the camera. What is None, the camera decides.

    Attributes:
        shutter_us: Exposure time.
        gain: Sensitivity as a factor, in the sensor and after it together; 1.0 is ISO 100.
    """

    shutter_us: Microseconds | None = None
    gain: float | None = None


class TakenExposure(msgspec.Struct, frozen=True, kw_only=True):
    """One exposure of a shot.

    Attributes:
        asked: What was asked of the camera; what is left out, the camera decided.
        achieved: What the camera did.
        level_ev: How bright the picture came out, in stops above middle grey; None if unknown.
    """

    asked: Exposure = Exposure()
    achieved: Achieved = Achieved()
    level_ev: Stops | None = None
