"""The real camera: libcamera through picamera2, on a Raspberry Pi and wherever both run."""

import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from cinepi.camera.backends.picamera2 import controls
from cinepi.camera.backends.picamera2.causes import translated
from cinepi.camera.backends.picamera2.frame import frame_of
from cinepi.camera.backends.picamera2.setup import Setup, can_turn, resolutions, set_up
from cinepi.camera.backends.picamera2.stream import Stream
from cinepi.camera.contract import CameraBackend, Frame, Identity
from cinepi.clock import Clock
from cinepi.errors import CameraUnavailableError, CinepiError
from cinepi.exposure.contract import Exposure
from cinepi.model.settings import CameraSettings
from cinepi.paths import Layout
from cinepi.units import Seconds


class Backend(CameraBackend):
    """See `CameraBackend`."""

    def __init__(self, layout: Layout, clock: Clock) -> None:
        """Imports nothing yet; `layout` holds nothing that this camera needs."""
        del layout
        self._clock = clock
        self._camera_id: str | None = None
        self._picam2: Any = None
        self._stream: Stream | None = None
        self._setup: Setup | None = None
        self._standing: dict[str, controls.Control] = {}

    def open(self) -> Identity:
        """See `CameraBackend.open`; once open, the same camera is taken again and no other."""
        with translated("opening the camera"):
            os.environ.setdefault("LIBCAMERA_LOG_LEVELS", "WARN")
            from picamera2 import Picamera2  # noqa: PLC0415 - only where it is installed and wanted

            index, info = self._find(Picamera2.global_camera_info())
            self._picam2 = Picamera2(index)
            self._stream = Stream(self._picam2, self._clock)
            self._camera_id = str(info["Id"])
            try:
                # The ranges of the controls are those of a camera that is set up.
                self._set_up(Setup(size=tuple(self._picam2.sensor_resolution), is_turned=False))
                features = controls.features(
                    self._picam2.camera_controls,
                    resolutions(self._picam2),
                    can_rotate=can_turn(self._picam2),
                )
            except BaseException:
                with suppress(CinepiError):  # what went wrong first is what matters
                    self.close()
                raise
        return Identity(
            model=str(info.get("Model", "unknown")), camera_id=self._camera_id, features=features
        )

    def configure(self, settings: CameraSettings) -> None:
        """See `CameraBackend.configure`; the stream is stopped where anything changes."""
        width, height = (int(number) for number in settings.resolution.split("x"))
        setup = Setup(size=(width, height), is_turned=settings.rotation == 180)  # noqa: PLR2004 - degrees
        with translated("setting up the camera"):
            standing = controls.standing(settings, self._picam2.camera_controls)
            if setup == self._setup and standing == self._standing:
                return
            self._streaming.stop()
            if setup != self._setup:  # each change takes contiguous memory anew
                self._set_up(setup)
                standing = controls.standing(settings, self._picam2.camera_controls)
            self._standing = standing
            self._streaming.prepare(standing)

    def expose(self, exposure: Exposure, limit: Seconds) -> Frame:
        """See `CameraBackend.expose`."""
        deadline = self._clock.monotonic() + limit
        with translated("taking a picture"):
            request, began = self._streaming.first_of(exposure, deadline)
            return frame_of(request, began)

    def restart(self) -> None:
        """See `CameraBackend.restart`."""
        self._streaming.require_event_loop()
        self._streaming.stop()
        with translated("restarting the stream"):
            self._streaming.start()

    def rest(self) -> None:
        """Stop the stream: the sensor cools, and the next picture waits for it to settle again."""
        self._streaming.stop()

    def close(self) -> None:
        """See `CameraBackend.close`."""
        stream = self._stream
        self._stream = self._picam2 = self._setup = None
        self._standing = {}
        if stream is not None:
            stream.close()

    @property
    def _streaming(self) -> Stream:
        if self._stream is None:
            raise CameraUnavailableError("the camera is not open")
        return self._stream

    def _set_up(self, setup: Setup) -> None:
        self._setup = None
        set_up(self._picam2, setup)
        self._setup = setup

    def _find(self, cameras: list[Mapping[str, Any]]) -> tuple[int, Mapping[str, Any]]:
        """The camera that was open before, else the first; numbers change, ids do not."""
        for index, info in enumerate(cameras):
            if self._camera_id in (None, info["Id"]):
                return index, info
        if cameras:
            raise CameraUnavailableError(
                f"the camera {self._camera_id} is gone; there is {cameras[0]['Id']}, which is "
                "taken after a restart of the service"
            )
        raise CameraUnavailableError(
            "no camera was found: check that its cable is straight and locked at both ends, then "
            "reboot; `rpicam-hello --list-cameras` must list it"
        )
