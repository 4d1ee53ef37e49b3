"""How the exposures of a slot are chosen: what an exposure is, and what an exposure mode must do.

A mode is one file in `modes/`. Its name is a value of the setting `exposure_mode`.
"""

from abc import ABC, abstractmethod
from typing import ClassVar, Generic, TypeVar

import msgspec

from cinepi.model.exposures import Exposure
from cinepi.model.settings import CameraSettings
from cinepi.units import Stops, WallTime

__all__ = ["Exposure", "ExposureMode", "Memory", "Reading"]


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What one picture tells about the light.

    A scene of which `exposure_ev` made a picture at `level_ev` has a brightness of
    `level_ev - exposure_ev`: with each second longer the same scene comes out brighter, and the
    difference stays.

    Attributes:
        asked: What was asked of the camera.
        level_ev: Brightness of the picture, in stops above middle grey; -1 is half as bright.
        exposure_ev: What the camera did: log2 of seconds × total gain. None where it cannot say.
        began_at: When the exposure began, on the wall clock.
    """

    asked: Exposure
    level_ev: Stops
    exposure_ev: Stops | None
    began_at: WallTime


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """What an exposure mode knows of the light; saved with the session, so keep it small.

    Every field has a default, which is what is known before the first picture. One with fields
    that a later version has changed is begun anew.
    """


MemoryT = TypeVar("MemoryT", bound=Memory)


class ExposureMode(ABC, Generic[MemoryT]):
    """One way to expose. Both methods are pure: time is passed in, and nothing is kept.

    The class in the file of a mode is called `Mode`, and is made without arguments.

    Attributes:
        memory: The type of what it remembers; `Memory` itself for a mode that remembers nothing.
    """

    memory: ClassVar[type[Memory]] = Memory

    @abstractmethod
    def plan(self, memory: MemoryT, settings: CameraSettings, at: WallTime) -> tuple[Exposure, ...]:
        """The exposures of one slot, one after the other; at least one.

        Args:
            memory: What `learn` has made of the pictures so far.
            settings: Those in force, within the range of the camera.
            at: When the slot is due.
        """

    def learn(self, memory: MemoryT, reading: Reading) -> MemoryT:
        """What is known after one more picture; without a word of the mode, the same as before."""
        del reading
        return memory
