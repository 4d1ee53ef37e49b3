"""Calls into a backend: each with its limit, and whatever goes wrong in one is the camera's."""

from collections.abc import Callable

from cinepi.camera.bounded import BoundedCaller, ResultT
from cinepi.camera.contract import CameraBackend, Frame
from cinepi.camera.fit import fit_exposure
from cinepi.camera.plausible import checked
from cinepi.clock import Clock, wait_until
from cinepi.errors import CameraUnavailableError, CinepiError, DeadlineError
from cinepi.exposure.contract import Exposure
from cinepi.exposure.planning import planned
from cinepi.logs.seldom import Seldom
from cinepi.logs.setup import logger
from cinepi.model.documents import CameraDocument
from cinepi.units import Microseconds, MonotonicTime, Seconds

_LIMIT: Seconds = 12.0
"""For all but a picture: the contract allows 10 s, and a loaded machine a little more."""
_GRACE: Seconds = 2.0
"""A backend notices by itself that a picture is late; this much later it counts as hung."""
_SETTLING = 6
"""Automatic exposure may need so many: five to settle after a change of light, plus the picture."""
EXPOSURES = 3
"""A fixed exposure may need so many: sensors were seen to take two, plus the one under way."""

_log = logger("camera")


class Calls:
    """Calls a backend, one call after the other; for the thread that owns the camera."""

    def __init__(self, clock: Clock) -> None:
        """Nothing has been called."""
        self._clock = clock
        self._caller = BoundedCaller("camera", clock)
        self._seldom = Seldom(clock)
        self._decided_us: Microseconds = 0  # the exposure that the camera chose last

    def promise(self) -> MonotonicTime:
        """See `Camera.promise`."""
        return self._caller.promise

    def overdue(self) -> Seconds:
        """See `Camera.overdue`."""
        return self._caller.overdue()

    def stop(self) -> None:
        """End the idle thread in which calls are made; the next call starts another."""
        self._caller.stop()

    def call(
        self,
        work: Callable[[], ResultT],
        what: str,
        limit: Seconds = _LIMIT,
        discard: Callable[[ResultT], None] | None = None,
    ) -> ResultT:
        """See `BoundedCaller.call`.

        Raises:
            DeadlineError: It has not ended in time.
            CameraUnavailableError: It failed; also for a bug of the backend, or for want of memory.
        """
        try:
            return self._caller.call(work, limit, what, discard)
        except (CameraUnavailableError, DeadlineError):
            raise
        except CinepiError as error:
            if self._seldom.is_due(what):
                _log.error("the camera's own code failed", exc_info=error)
            raise CameraUnavailableError(str(error), *error.problems) from error

    def expose(
        self,
        backend: CameraBackend,
        document: CameraDocument,
        asked: Exposure | None,
        due: MonotonicTime | None = None,
    ) -> Frame:
        """Take one picture; see `Camera.take` for what is asked and when.

        Args:
            backend: The open camera.
            document: What it has, and what it is set to.
            asked: What to ask for.
            due: When to begin; None for at once.

        Raises:
            DeadlineError: It has not ended in time.
            CameraUnavailableError: It failed, or the picture is not whole.
        """
        settings = document.settings
        now = self._clock.monotonic()
        begins = max(now, due or now)
        if asked is None:
            asked = planned(settings, None, self._clock.wall() + begins - now)[0]
        exposure = fit_exposure(asked, document.features)
        limit = backend.margin + self._longest(exposure)

        def fire() -> Frame:
            wait_until(begins, self._clock)
            frame = backend.expose(exposure, limit)
            return checked(frame, settings.resolution, begins, self._clock.monotonic())

        frame = self.call(
            fire,
            "taking a picture",
            begins - now + limit + _GRACE,
            discard=lambda late: late.release(),
        )
        if exposure.shutter_us is None:
            self._decided_us = frame.achieved.exposure_us or 0
        return frame

    def _longest(self, exposure: Exposure) -> Seconds:
        """How long a healthy camera may expose for one picture, all the frames before it included.

        Where the camera decides, nobody knows before; its last decision is the best guess.
        """
        if exposure.shutter_us is None:
            return _SETTLING * self._decided_us / 1e6
        return EXPOSURES * exposure.shutter_us / 1e6
