"""The camera that the rest of the product sees: always there, even while the real one is not."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import NoReturn

import msgspec

from cinepi.camera import registry
from cinepi.camera.calls import Calls
from cinepi.camera.contract import CameraBackend, Frame
from cinepi.camera.fit import fit, problems
from cinepi.camera.ladder import Ladder
from cinepi.clock import Clock, rfc3339
from cinepi.errors import CameraUnavailableError, CinepiError, DeadlineError, Problem
from cinepi.exposure.contract import Exposure
from cinepi.heap import trim
from cinepi.model.documents import CameraDocument, Rung
from cinepi.model.events import CameraLost, CameraRecovered
from cinepi.model.settings import CameraSettings
from cinepi.paths import Layout
from cinepi.units import MonotonicTime, Seconds


class Camera:
    """One camera with its settings and its ladder of recovery.

    One thread owns it and makes all calls, except those that say that any thread may ask: they
    never wait. Every call ends in bounded time, whatever the backend does.
    """

    def __init__(
        self,
        settings: CameraSettings,
        *,
        layout: Layout,
        clock: Clock,
        on_change: Callable[[], None],
        on_event: Callable[[msgspec.Struct], None],
        give_up: Callable[[str], None],
        exits: int = 0,
        exits_in_a_row: int = 0,
    ) -> None:
        """Prepare a camera that is not open yet; touches no device.

        Args:
            settings: What is asked of the camera. Its `backend` holds until the process ends.
            layout: Where things lie.
            clock: The time.
            on_change: Called whenever `document` would answer something new.
            on_event: Called with `CameraLost` and `CameraRecovered`; must not raise, since what
                cannot be told may not cost a picture.
            give_up: Called with the reason when only a new process can help; should not return.
            exits: How many processes were given up so far, since the journal began.
            exits_in_a_row: The same since the last picture; from three on, the camera is `stuck`.
        """
        self._asked = settings
        self._backend_name = settings.backend
        self._layout = layout
        self._clock = clock
        self._on_change = on_change
        self._on_event = on_event
        self._give_up = give_up
        self._ladder = Ladder(exits=exits, exits_in_a_row=exits_in_a_row, now=clock.monotonic())
        self._calls = Calls(clock)
        self._made: CameraBackend | None = None
        self._backend: CameraBackend | None = None  # the same one, while it is open
        self._document = CameraDocument(
            backend=settings.backend,
            settings=settings,
            health=self._ladder.health,
            problem=_STUCK if self._ladder.is_stuck else "the camera has not been opened yet",
            recovery=self._ladder.recovery,
        )

    def document(self) -> CameraDocument:
        """The camera as it is now; any thread."""
        return self._document

    def promise(self) -> MonotonicTime:
        """By when the newest call into the backend is over, as said when it began; any thread.

        Settings that change while it lasts do not change that.
        """
        return self._calls.promise()

    def overdue(self) -> Seconds:
        """How long the present call should have been over; 0 while all is well; any thread."""
        return self._calls.overdue()

    def check(self, changes: Mapping[str, object]) -> list[Problem]:
        """What of `changes` this camera cannot take, each with the field `/key`; any thread.

        Keys that the camera does not have are no problem: they are dropped.
        """
        return problems(changes, self._document.features)

    def document_with(self, settings: CameraSettings) -> CameraDocument:
        """The document as it will be once `settings` are applied; any thread."""
        document = self._document
        if not document.features:  # no camera was seen yet: nothing is known of its range
            return msgspec.structs.replace(document, settings=settings)
        fitted = fit(settings, document.features)
        return msgspec.structs.replace(
            document, settings=fitted.settings, dropped=fitted.dropped, adjusted=fitted.adjusted
        )

    def open(self) -> None:
        """Open the camera unless it is open; never raises, at most 40 s.

        A camera that is not there is `lost` in the document. While the pause after a failed try
        lasts (0.5 s, doubling up to 30 s; of a stuck camera 15 s, doubling up to 300 s), does
        nothing: it may be called as often as you like.
        """
        with suppress(CinepiError):  # the document and the event tell it
            self._ensure_open()

    def apply(self, settings: CameraSettings) -> None:
        """Follow new settings, now or when the camera is there again; never raises, at most 24 s.

        Values out of the camera's range are moved into it, unsupported keys left out: `adjusted`
        and `dropped` of the document say which.
        """
        self._asked = settings
        if self._backend is None:
            self._update(settings=settings)
            return
        try:
            self._configure(self._backend)
        except CinepiError as error:
            with suppress(CinepiError):  # the next picture opens the camera again
                self._lose(error)
            self._ladder.forget_pause(self._clock.monotonic())

    def take(
        self,
        due: MonotonicTime | None = None,
        *,
        exposure: Exposure | None = None,
        latest: MonotonicTime | None = None,
    ) -> Frame:
        """Take a picture, not before `due`; opens the camera and climbs the ladder if need be.

        With a `due` a little ahead, all calls up to the camera's own are made by then, and its
        thread has only to wake.

        A healthy camera takes the exposure plus a fraction of a second. A broken one takes up to
        three times the limit of a picture, and 40 s, before this raises. The caller releases the
        frame.

        Args:
            due: When to begin; None for at once.
            exposure: What to ask for, moved into the range of the camera; None for the first that
                the exposure mode of the settings plans without a memory.
            latest: A picture for which the camera had to be opened or brought back must have begun
                by then. It does not bind a healthy camera, which may begin a long exposure late
                because its stream runs freely.

        Raises:
            CameraUnavailableError: The camera is gone, in use, broken, or its pause still lasts.
            DeadlineError: It was too slow on every rung, or is well again only after `latest`.
        """
        was_well = self._backend is not None
        backend = self._ensure_open()
        try:
            frame = self._calls.expose(backend, self._document, exposure, due)
        except CinepiError as error:
            was_well = False
            frame = self._rescue(error, exposure)
        self._succeed(frame)
        if not was_well and latest is not None and frame.began_at > latest:
            frame.release()
            message = f"the camera was well again {frame.began_at - latest:.1f} s too late"
            raise DeadlineError(message)
        return frame

    def restart(self) -> None:
        """Close and open, because a person asked for it; ignores the pause. At most 40 s.

        Raises:
            CameraUnavailableError: It could not be opened.
            DeadlineError: It neither closes nor opens.
        """
        self._ladder.forget_pause(self._clock.monotonic())
        self._close_backend()
        self._ensure_open()

    def rest(self) -> None:
        """Give back memory that only the next picture needs; at most 12 s."""
        backend = self._backend
        if backend is not None:
            with suppress(CinepiError):  # a camera that fails here fails at the next picture too
                self._calls.call(backend.rest, "resting the camera")
        trim()

    def close(self) -> None:
        """Let go of the camera; never raises, at most 12 s. It may be opened again."""
        with suppress(CinepiError):  # nobody is left who could do more
            self._release_backend()
        self._calls.stop()
        self._update(connected=False)

    # -- rungs ----------------------------------------------------------------------------------

    def _rescue(self, error: CinepiError, exposure: Exposure | None) -> Frame:
        """Climb from rung to rung until one gives a picture."""
        self._climb("restart_stream", error)
        try:
            if self._backend is not None:
                self._calls.call(self._backend.restart, "restarting the stream")
                return self._calls.expose(self._backend, self._document, exposure)
        except CinepiError as next_error:
            error = next_error
        self._climb("reopen", error)
        self._close_backend()
        backend = self._open_backend()
        try:
            return self._calls.expose(backend, self._document, exposure)
        except CinepiError as last_error:
            self._leave(last_error)

    def _climb(self, rung: Rung, error: CinepiError) -> None:
        if self._ladder.climb(rung, self._clock.monotonic()):
            self._on_event(CameraLost(message=str(error), rung=rung))
        self._update(health=self._ladder.health, problem=str(error))

    def _leave(self, error: CinepiError) -> NoReturn:
        """Rung 3: this process cannot help any more."""
        self._climb("restart_process", error)
        self._forget_backend()
        self._made = None
        problem = _STUCK if self._ladder.is_stuck else str(error)
        self._ladder.pause(self._clock.monotonic())
        self._update(health=self._ladder.health, problem=problem)
        self._give_up(str(error))
        raise error

    def _lose(self, error: CinepiError) -> NoReturn:
        """The camera is gone for now."""
        if self._backend is not None:
            self._close_backend()
        if self._ladder.fail_open(self._clock.monotonic()):
            self._on_event(CameraLost(message=str(error), rung="reopen"))
        self._update(connected=False, health=self._ladder.health, problem=str(error))
        if isinstance(error, CameraUnavailableError | DeadlineError):
            raise error
        raise CameraUnavailableError(str(error), *error.problems) from error

    def _succeed(self, frame: Frame) -> None:
        self._announce_recovery(with_picture=True)
        self._update(
            connected=True,
            health="ok",
            problem=None,
            achieved=frame.achieved,
            last_success_at=rfc3339(self._clock.wall()),
        )

    def _announce_recovery(self, *, with_picture: bool) -> None:
        episode = self._ladder.succeed(self._clock.monotonic(), with_picture=with_picture)
        if episode is not None:
            rung, seconds = episode
            self._on_event(CameraRecovered(rung=rung, after_s=round(seconds, 3)))

    # -- calls into the backend -----------------------------------------------------------------

    def _ensure_open(self) -> CameraBackend:
        if self._backend is not None:
            return self._backend
        pause = self._ladder.pause_left(self._clock.monotonic())
        if pause:
            message = f"{self._document.problem}; it is tried again in {max(pause, 0.1):.1f} s"
            raise CameraUnavailableError(message)
        backend = self._open_backend()
        self._announce_recovery(with_picture=False)
        if self._ladder.recovery.rung == "none":
            self._update(health="ok", problem=None)
        else:
            self._update(health="recovering", problem=_UNPROVEN)
        return backend

    def _open_backend(self) -> CameraBackend:
        try:
            name = registry.resolve(self._backend_name)
            backend = self._made or self._calls.call(
                lambda: registry.make(name, self._layout, self._clock), "loading the camera's code"
            )
            self._made = backend  # kept, since it knows which camera it had
            identity = self._calls.call(backend.open, "opening the camera")
        except DeadlineError as error:
            self._leave(error)
        except CinepiError as error:
            self._lose(error)
        self._backend = backend
        self._update(
            backend=name,
            model=identity.model,
            camera_id=identity.camera_id,
            features=identity.features,
        )
        try:
            self._configure(backend)
        except CinepiError as error:
            self._lose(error)
        return backend

    def _configure(self, backend: CameraBackend) -> None:
        fitted = fit(self._asked, self._document.features)
        self._calls.call(lambda: backend.configure(fitted.settings), "setting up the camera")
        self._update(
            connected=True,
            settings=fitted.settings,
            dropped=fitted.dropped,
            adjusted=fitted.adjusted,
        )

    def _close_backend(self) -> None:
        """Close; one that does not even close is only left with the process."""
        try:
            self._release_backend()
        except CinepiError as error:
            self._leave(error)

    def _release_backend(self) -> None:
        backend = self._backend
        if backend is not None:
            self._forget_backend()
            self._calls.call(backend.close, "closing the camera")

    def _forget_backend(self) -> None:
        self._backend = None
        self._update(connected=False)

    def _update(self, **changes: object) -> None:
        changed = msgspec.structs.replace(self._document, recovery=self._ladder.recovery, **changes)
        if changed != self._document:
            self._document = changed
            self._on_change()


_UNPROVEN = "the camera is open again, and the next picture shows whether it is well"
_STUCK = (
    "the camera has given no picture in several fresh processes; it is tried again by itself, and "
    "at once with camera/restart: where that does not help, reboot the machine, and check the "
    "camera's cable and the power supply"
)
