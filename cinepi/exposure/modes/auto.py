"""The camera decides, with its own metering."""

from cinepi.exposure.contract import Exposure, ExposureMode, Memory
from cinepi.model.settings import CameraSettings
from cinepi.units import WallTime


class Mode(ExposureMode[Memory]):
    """Leaves shutter and gain to the camera."""

    def plan(self, memory: Memory, settings: CameraSettings, at: WallTime) -> tuple[Exposure, ...]:
        """See `ExposureMode.plan`."""
        del memory, settings, at
        return (Exposure(),)
