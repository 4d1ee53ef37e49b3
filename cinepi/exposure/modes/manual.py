"""Shutter and gain stay as the settings say."""

from cinepi.exposure.contract import Exposure, ExposureMode, Memory
from cinepi.model.settings import CameraSettings
from cinepi.units import WallTime


class Mode(ExposureMode[Memory]):
    """Takes shutter, ISO and gain from the settings."""

    def plan(self, memory: Memory, settings: CameraSettings, at: WallTime) -> tuple[Exposure, ...]:
        """See `ExposureMode.plan`."""
        del memory, at
        gain = settings.iso / 100 * settings.gain
        return (Exposure(shutter_us=settings.shutter_us, gain=gain),)
