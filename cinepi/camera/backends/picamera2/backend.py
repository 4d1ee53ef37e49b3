"""The real camera: libcamera through picamera2, on a Raspberry Pi and wherever both run.

The stream runs between pictures, so that one is there a frame or two after it is asked for and
automatic exposure is settled; one configuration serves all of them, with a small second picture for
the preview, since each change of mode costs contiguous memory that small boards run out of. `rest`
stops the stream. Every wait is bounded: libcamera reports a dead sensor by silence.
"""

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from cinepi.camera.backends.picamera2 import controls
from cinepi.camera.backends.picamera2.causes import translated
from cinepi.camera.backends.picamera2.pixels import FORMATS, planes_of
from cinepi.camera.bounded import BoundedCaller
from cinepi.camera.contract import CameraBackend, Frame, Identity, Planes
from cinepi.clock import Clock
from cinepi.errors import CameraUnavailableError, CinepiError, DeadlineError
from cinepi.model.settings import CameraSettings
from cinepi.paths import Layout
from cinepi.units import Bytes, MonotonicTime, Seconds

_STEP_LIMIT: Seconds = 8.0
"""For stopping, starting and closing; the contract allows 10 s for all of a call."""
_POLL: Seconds = 0.25
"""How often a wait for a frame looks whether picamera2's own thread still lives."""
_SETTLE_FRAMES = 20
_SETTLE_LIMIT: Seconds = 3.0
"""Automatic exposure is waited for by frames and by time: it may never report that it is done."""
_EARLY: Seconds = 0.002
"""Slack for the sensor's time stamp, which the kernel takes in an interrupt."""
_PREVIEW_WIDTH = 800
_COMMON_SIZES = ((1920, 1080), (1280, 720), (640, 480))
_BYTES_PER_PIXEL = 1.5
_FRAMES_OF_SPARE_MEMORY = 4

_Size: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Mode:
    """What can only be changed by setting the whole camera up anew."""

    size: _Size
    is_turned: bool


class Backend(CameraBackend):
    """See `CameraBackend`."""

    def __init__(self, layout: Layout, clock: Clock) -> None:
        """Imports nothing yet; `layout` holds nothing that this camera needs."""
        del layout
        self._clock = clock
        self._caller = BoundedCaller("picamera2", clock)
        self._camera_id: str | None = None
        self._picam2: Any = None
        self._settings = CameraSettings()
        self._mode: _Mode | None = None
        self._controls: dict[str, controls.Control] = {}
        self._is_settled = False

    def open(self) -> Identity:
        """See `CameraBackend.open`; once open, the same camera is taken again and no other."""
        with translated("opening the camera"):
            os.environ.setdefault("LIBCAMERA_LOG_LEVELS", "WARN")
            from picamera2 import Picamera2  # noqa: PLC0415 - only where it is installed and wanted

            index, info = self._find(Picamera2.global_camera_info())
            self._picam2 = Picamera2(index)
            self._camera_id = str(info["Id"])
            try:
                # The ranges of the controls are those of a configured mode.
                self._configure(_Mode(size=tuple(self._picam2.sensor_resolution), is_turned=False))
                advertised = self._picam2.camera_controls
                resolutions = self._resolutions()
            except BaseException:
                with suppress(CinepiError):  # what went wrong first is what matters
                    self.close()
                raise
        return Identity(
            model=str(info.get("Model", "unknown")),
            camera_id=self._camera_id,
            features=controls.features(
                advertised, resolutions, can_rotate=self._is_raspberry_pi_camera()
            ),
        )

    def configure(self, settings: CameraSettings) -> None:
        """See `CameraBackend.configure`."""
        width, height = (int(number) for number in settings.resolution.split("x"))
        mode = _Mode(size=(width, height), is_turned=settings.rotation == 180)  # noqa: PLR2004 - degrees
        self._stop()
        with translated("setting up the camera"):
            if mode != self._mode:  # each change of mode takes contiguous memory anew
                self._configure(mode)
            self._controls = controls.controls(settings, self._picam2.camera_controls)
        self._settings = settings

    def capture(self, limit: Seconds) -> Frame:
        """See `CameraBackend.capture`."""
        asked_at = self._clock.monotonic()
        deadline = asked_at + limit
        with translated("taking a picture"):
            if not self._picam2.started:
                self._start()
            if not self._is_settled:
                self._settle(deadline)
            request, metadata = self._first_after(asked_at, deadline)
            return self._frame(request, metadata, asked_at)

    def restart(self) -> None:
        """See `CameraBackend.restart`."""
        self._require_event_loop()
        self._stop()
        with translated("restarting the stream"):
            self._start()

    def rest(self) -> None:
        """Stop the stream: the sensor cools, and the next picture waits for it to settle again."""
        self._stop()

    def close(self) -> None:
        """See `CameraBackend.close`."""
        picam2 = self._picam2
        if picam2 is None:
            return
        self._picam2 = None
        self._mode = None

        def close() -> None:
            # A job that nobody waits for any more would make picamera2's own stop wait for ever.
            picam2.cancel_all_and_flush()
            picam2.close()

        self._bounded(close, "closing the camera")
        self._caller.stop()

    # -- opening and setting up -----------------------------------------------------------------

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

    def _configure(self, mode: _Mode) -> None:
        import libcamera  # noqa: PLC0415 - only where it is installed and wanted

        picam2, size = self._picam2, mode.size
        self._mode = None
        config = picam2.create_still_configuration(
            main={"size": size, "format": self._pixel_format()},
            lores={"size": _preview_size(size), "format": "YUV420"},
            raw=None,
            transform=libcamera.Transform(hflip=mode.is_turned, vflip=mode.is_turned),
            buffer_count=_buffers(size),
            queue=False,
        )
        try:
            picam2.configure(config)
            is_small = picam2.camera_configuration()["lores"]["size"][0] <= _PREVIEW_WIDTH
        except (RuntimeError, ValueError, IndexError):
            is_small = False
        if not is_small:
            # Not every camera can scale, or give two pictures at once: then there is but one.
            config["lores"] = None
            picam2.configure(config)
        given = picam2.camera_configuration()["main"]
        if tuple(given["size"]) != size:
            raise CameraUnavailableError(
                f"the camera gives {given['size'][0]}x{given['size'][1]} pixels instead of "
                f"{size[0]}x{size[1]}"
            )
        self._mode = mode

    def _pixel_format(self) -> str:
        """The cheapest format that the camera has; a Raspberry Pi makes whatever is asked for."""
        if self._is_raspberry_pi_camera():
            return FORMATS[0]
        offered = [str(pixel_format) for pixel_format in self._formats().pixel_formats]
        readable = [pixel_format for pixel_format in FORMATS if pixel_format in offered]
        if readable:
            return readable[0]
        raise CameraUnavailableError(
            f"the camera gives pictures as {', '.join(offered)}; "
            f"only {', '.join(FORMATS)} can be read"
        )

    def _resolutions(self) -> tuple[str, ...]:
        """All sizes on offer, the largest first."""
        if self._is_raspberry_pi_camera():
            width, height = self._picam2.sensor_resolution
            sizes = {(width, height), (width // 4 * 2, height // 4 * 2), *_COMMON_SIZES}
            sizes = {size for size in sizes if size[0] <= width and size[1] <= height}
        else:
            sizes = self._fixed_sizes(self._pixel_format())
        even = [size for size in sizes if size[0] % 2 == 0 and size[1] % 2 == 0]
        even.sort(key=lambda size: (size[0] * size[1], size), reverse=True)
        return tuple(f"{width}x{height}" for width, height in even)

    def _fixed_sizes(self, name: str) -> set[_Size]:
        """The sizes that a camera without a scaler really gives, of all that it lists."""
        config = self._plain_configuration()
        stream = config.at(0)
        wanted = next(one for one in stream.formats.pixel_formats if str(one) == name)
        sizes: set[_Size] = set()
        for size in stream.formats.sizes(wanted):
            stream.pixel_format, stream.size = wanted, size
            config.validate()  # moves the size to what it would be
            sizes.add((stream.size.width, stream.size.height))
        return sizes

    def _formats(self) -> Any:
        return self._plain_configuration().at(0).formats

    def _plain_configuration(self) -> Any:
        import libcamera  # noqa: PLC0415 - only where it is installed and wanted

        roles = [libcamera.StreamRole.Viewfinder]
        return self._picam2.camera.generate_configuration(roles)

    def _is_raspberry_pi_camera(self) -> bool:
        return "ColorFilterArrangement" in self._picam2.camera_properties

    # -- the stream -----------------------------------------------------------------------------

    def _start(self) -> None:
        self._is_settled = False
        # Set while the stream stands still, these hold from its first frame.
        self._picam2.set_controls(self._controls)
        self._bounded(self._picam2.start, "starting the stream")

    def _stop(self) -> None:
        picam2 = self._picam2

        def stop() -> None:
            # A job that nobody waits for any more would make picamera2's own stop wait for ever.
            picam2.cancel_all_and_flush()
            picam2.stop()

        self._bounded(stop, "stopping the stream")

    def _bounded(self, work: Callable[[], None], doing: str) -> None:
        """Do what picamera2 itself would wait for without a limit."""

        def guarded() -> None:
            with translated(doing):
                work()

        self._caller.call(guarded, _STEP_LIMIT, doing)

    def _settle(self, deadline: MonotonicTime) -> None:
        """Let automatic exposure find its values after the stream has started."""
        latest = min(deadline, self._clock.monotonic() + _SETTLE_LIMIT)
        if self._settings.exposure_mode == "auto":
            for _ in range(_SETTLE_FRAMES):
                request = self._next(deadline)
                is_settled = controls.is_settled(request.get_metadata())
                request.release()
                if is_settled or self._clock.monotonic() > latest:
                    break
        self._is_settled = True

    def _first_after(
        self, moment: MonotonicTime, deadline: MonotonicTime
    ) -> tuple[Any, Mapping[str, Any]]:
        """The first frame whose exposure began after `moment`.

        Of a camera that does not stamp its frames it is the second to come, since the first may
        have been under way.
        """
        unstamped = 0
        while True:
            request = self._next(deadline)
            metadata = request.get_metadata()
            began = controls.began_at(metadata, self._clock.monotonic())
            if began is None:
                unstamped += 1
            if unstamped > 1 or (began is not None and began >= moment - _EARLY):
                return request, metadata
            request.release()

    def _next(self, deadline: MonotonicTime) -> Any:
        """The next frame; waits in short steps, since a dead event loop would never answer."""
        job = self._picam2.capture_request(wait=False)
        while True:
            left = deadline - self._clock.monotonic()
            try:
                return job.get_result(timeout=max(0.0, min(_POLL, left)))
            except TimeoutError:
                self._require_event_loop()
                if left <= 0:
                    raise DeadlineError(_SILENCE) from None

    def _require_event_loop(self) -> None:
        """An exception in picamera2's thread ends it for good, and nothing else says so."""
        preview = getattr(self._picam2, "_preview", None)
        thread = getattr(preview, "thread", None)
        if thread is not None and not thread.is_alive():
            raise CameraUnavailableError("picamera2's own thread has ended, and no frame can come")

    def _frame(self, request: Any, metadata: Mapping[str, Any], asked_at: MonotonicTime) -> Frame:
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
        except BaseException:
            release()
            raise
        began = controls.began_at(metadata, self._clock.monotonic())
        return Frame(
            main=main,
            preview=preview,
            began_at=asked_at if began is None else began,
            achieved=controls.achieved(metadata),
            release=release,
        )


_SILENCE = (
    "the camera is silent: no frame came in time; likely causes are a loose or long cable, a weak "
    "power supply, and heat"
)


def _preview_size(size: _Size) -> _Size:
    shrink = max(1.0, size[0] / _PREVIEW_WIDTH)
    width, height = (2 * round(length / shrink / 2) for length in size)
    return width, height


def _buffers(size: _Size) -> int:
    """Two frames in turn are quicker; one is all that a small board can hold."""
    needed = size[0] * size[1] * _BYTES_PER_PIXEL * _FRAMES_OF_SPARE_MEMORY
    free = _free_contiguous_memory()
    return 2 if free is None or free > needed else 1


def _free_contiguous_memory() -> Bytes | None:
    """What the kernel's contiguous allocator has left; None where there is none."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "CmaFree":
            return int(value.split()[0]) * 1024 or None
    return None
