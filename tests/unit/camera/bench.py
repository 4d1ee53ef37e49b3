"""A camera in the hands of a test: a clock that can be moved on, and all that was said."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from cinepi.camera.camera import Camera
from cinepi.model.settings import CameraSettings
from cinepi.paths import Layout

SMALL = CameraSettings(resolution="640x480")


class Gone(BaseException):
    """Stands for the end of the process."""


class MovingClock:
    """The machine's clocks, moved on by hand."""

    def __init__(self) -> None:
        self.offset = 0.0

    def wall(self) -> float:
        """See `Clock.wall`."""
        return time.time() + self.offset

    def monotonic(self) -> float:
        """See `Clock.monotonic`."""
        return time.monotonic() + self.offset

    def is_synced(self) -> bool:
        """See `Clock.is_synced`."""
        return True


@dataclass
class Bench:
    """A camera and all that it has said.

    Attributes:
        is_ended: Whether giving up ends the process, as it should.
    """

    layout: Layout
    clock: MovingClock
    events: list[msgspec.Struct] = field(default_factory=list)
    changes: int = 0
    reasons: list[str] = field(default_factory=list)
    cameras: list[Camera] = field(default_factory=list)
    is_ended: bool = True

    def camera(
        self,
        settings: CameraSettings = SMALL,
        *,
        exits_in_a_row: int = 0,
        on_event: Callable[[msgspec.Struct], None] | None = None,
    ) -> Camera:
        """Make a camera, as a service that has just started does; `on_event` replaces `events`."""
        camera = Camera(
            settings,
            layout=self.layout,
            clock=self.clock,
            on_change=self._changed,
            on_event=on_event or self.events.append,
            give_up=self._give_up,
            exits=exits_in_a_row,
            exits_in_a_row=exits_in_a_row,
        )
        self.cameras.append(camera)
        return camera

    def _changed(self) -> None:
        self.changes += 1

    def _give_up(self, reason: str) -> None:
        self.reasons.append(reason)
        if self.is_ended:
            raise Gone
