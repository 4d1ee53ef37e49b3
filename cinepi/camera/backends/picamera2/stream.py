"""The stream of an open camera: exposures are set on it, and frames that show them are taken.

It runs between pictures, so that one is there a frame or two after it is asked for, and automatic
exposure is settled. Every wait is bounded: libcamera reports a dead sensor by silence.
"""

from collections.abc import Callable
from typing import Any

from cinepi.camera.backends.picamera2 import controls
from cinepi.camera.backends.picamera2.causes import translated
from cinepi.camera.bounded import BoundedCaller
from cinepi.clock import Clock
from cinepi.errors import CameraUnavailableError, DeadlineError
from cinepi.exposure.contract import Exposure
from cinepi.units import Microseconds, MonotonicTime, Seconds

_STEP_LIMIT: Seconds = 8.0
"""For stopping, starting and closing; the contract allows 10 s for all of a call."""
_POLL: Seconds = 0.25
"""How often a wait for a frame looks whether picamera2's own thread still lives."""
_SETTLE_FRAMES = 20
_SETTLE_LIMIT: Seconds = 3.0
"""Automatic exposure is waited for by frames and by time: it may never report that it is done."""
_OBEY_LIMIT: Seconds = 2.0
"""A new exposure shows after as many frames as there are buffers, and three or four more."""
_LONG_US: Microseconds = 200_000
"""Beyond this it is quicker to start the stream anew than to wait until an exposure shows."""
_EARLY: Seconds = 0.002
"""Slack for the sensor's time stamp, which the kernel takes in an interrupt."""


class Stream:
    """The frames of one camera that is open and set up; for one thread."""

    def __init__(self, picam2: Any, clock: Clock) -> None:
        """Nothing runs yet."""
        self._picam2 = picam2
        self._clock = clock
        self._caller = BoundedCaller("picamera2", clock)
        self._standing: dict[str, controls.Control] = {}
        self._exposure = Exposure()
        self._is_settled = False

    def prepare(self, standing: dict[str, controls.Control]) -> None:
        """Keep controls that hold from the first frame of the next `start`; it must not run."""
        self._standing = standing

    def start(self) -> None:
        """Start with the exposure that was asked for last; at most 8 s."""
        self._start(self._exposure)

    def stop(self) -> None:
        """Stop, if it runs; at most 8 s."""

        def stop() -> None:
            # A job that nobody waits for any more would make picamera2's own stop wait for ever.
            self._picam2.cancel_all_and_flush()
            self._picam2.stop()

        self._bounded(stop, "stopping the stream")

    def close(self) -> None:
        """Close the camera; at most 8 s."""

        def close() -> None:
            self._picam2.cancel_all_and_flush()
            self._picam2.close()

        self._bounded(close, "closing the camera")
        self._caller.stop()

    def first_of(self, exposure: Exposure, deadline: MonotonicTime) -> tuple[Any, MonotonicTime]:
        """The first request that begins from now on and shows `exposure`, and when it began.

        Whoever takes it releases it. See `CameraBackend.expose`.

        Raises:
            DeadlineError: None came by `deadline`.
            CameraUnavailableError: None can come.
        """
        asked_at = self._clock.monotonic()
        self._ask_for(exposure)
        if exposure.shutter_us is None or exposure.gain is None:
            self._settle(deadline)
        request, began = self._first_after(asked_at, deadline)
        return request, asked_at if began is None else began

    def require_event_loop(self) -> None:
        """Raise unless picamera2's own thread lives.

        An exception in it ends it for good, and nothing else says so.

        Raises:
            CameraUnavailableError: It has ended.
        """
        preview = getattr(self._picam2, "_preview", None)
        thread = getattr(preview, "thread", None)
        if thread is not None and not thread.is_alive():
            raise CameraUnavailableError("picamera2's own thread has ended, and no frame can come")

    def _ask_for(self, exposure: Exposure) -> None:
        """Have `exposure` on the stream as soon as can be, and the stream running.

        On a running stream that takes some frames, the one under way among them. Where these are
        long, or the camera decides and nothing would tell old frames from new ones, the stream is
        started anew: from its first frame on it has what it was started with.
        """
        if not self._picam2.started:
            self._start(exposure)
        elif exposure == self._exposure:
            return
        elif _is_quick(exposure) and _is_quick(self._exposure):
            self._picam2.set_controls(self._controls(exposure))
            self._exposure = exposure
            self._is_settled = False
        else:
            self.stop()
            self._start(exposure)

    def _start(self, exposure: Exposure) -> None:
        self._is_settled = False
        self._exposure = exposure
        # Set while the stream stands still, these hold from its first frame.
        self._picam2.set_controls({**self._standing, **self._controls(exposure)})
        self._bounded(self._picam2.start, "starting the stream")

    def _controls(self, exposure: Exposure) -> dict[str, controls.Control]:
        return controls.of_exposure(exposure, self._picam2.camera_controls)

    def _bounded(self, work: Callable[[], None], doing: str) -> None:
        """Do what picamera2 itself would wait for without a limit."""

        def guarded() -> None:
            with translated(doing):
                work()

        self._caller.call(guarded, _STEP_LIMIT, doing)

    def _settle(self, deadline: MonotonicTime) -> None:
        """Let automatic exposure find its values, once after each start and each change."""
        latest = min(deadline, self._clock.monotonic() + _SETTLE_LIMIT)
        for _ in range(_SETTLE_FRAMES):
            if self._is_settled or self._clock.monotonic() > latest:
                break
            request = self._next(deadline)
            self._is_settled = controls.is_settled(request.get_metadata())
            request.release()
        self._is_settled = True

    def _first_after(
        self, moment: MonotonicTime, deadline: MonotonicTime
    ) -> tuple[Any, MonotonicTime | None]:
        """The first frame that began after `moment` and shows the exposure, and when it began.

        Where no frame shows it in time, none will, and the next is taken as it is. Of a camera
        that does not stamp its frames the first may have been under way, and does not count.
        """
        patience = self._clock.monotonic() + _OBEY_LIMIT
        unstamped = 0
        while True:
            request = self._next(deadline)
            metadata = request.get_metadata()
            now = self._clock.monotonic()
            began = controls.began_at(metadata, now)
            if began is None:
                unstamped += 1
            is_new = unstamped > 1 or (began is not None and began >= moment - _EARLY)
            is_right = self._is_settled or controls.shows(metadata, self._exposure)
            if is_new and (is_right or now > patience):
                self._is_settled = True
                return request, began
            request.release()

    def _next(self, deadline: MonotonicTime) -> Any:
        """The next frame; waits in short steps, since a dead event loop would never answer."""
        job = self._picam2.capture_request(wait=False)
        while True:
            left = deadline - self._clock.monotonic()
            try:
                return job.get_result(timeout=max(0.0, min(_POLL, left)))
            except TimeoutError:
                self.require_event_loop()
                if left <= 0:
                    raise DeadlineError(_SILENCE) from None


def _is_quick(exposure: Exposure) -> bool:
    """Whether it shows within a few frames, and it can be seen that it does."""
    shutter = exposure.shutter_us
    return shutter is not None and exposure.gain is not None and shutter <= _LONG_US


_SILENCE = (
    "the camera is silent: no frame came in time; likely causes are a loose or long cable, a weak "
    "power supply, and heat"
)
