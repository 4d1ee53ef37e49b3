"""The thread that owns the camera: it works off errands by time, the session's slots among them."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol, TypeVar

from cinepi.camera.camera import Camera
from cinepi.capture.shot import Order
from cinepi.capture.take import Taker
from cinepi.clock import Clock
from cinepi.errors import (
    CameraUnavailableError,
    CinepiError,
    ConflictError,
    DeadlineError,
    StorageFullError,
)
from cinepi.exposure.meter import readings
from cinepi.exposure.planning import learned, planned
from cinepi.heap import trim
from cinepi.journal.journal import Transaction
from cinepi.logs.seldom import Seldom
from cinepi.logs.setup import logger
from cinepi.model.documents import CaptureDocument, MissReason
from cinepi.model.settings import Config
from cinepi.timing import realtime
from cinepi.timing.asked import Waiting
from cinepi.timing.errands import Errand, earliest
from cinepi.timing.grid import TAKEABLE
from cinepi.timing.keeper import SessionKeeper
from cinepi.timing.session import Session
from cinepi.units import MonotonicTime, Seconds, WallTime

ARMED: Seconds = 0.02
"""The thread turns to a picture this long before it is due; the camera waits for the instant.

What lies between waking and the exposure takes 0.2 ms on a PC and some milliseconds on a small
board or a busy one, and would make each picture so much later.
"""
LONGEST_WAIT: Seconds = 1.0
"""The thread looks at the clocks at least this often: the wall clock may be set meanwhile."""
FAILING_PAUSE: Seconds = 0.5
"""How long a journal that cannot be written is left alone."""
REST_AFTER: Seconds = 10.0
"""With nothing to do for so long, the camera gives its memory back."""
WORTH_RESTING: Seconds = 60.0
"""But not where its next window opens so soon."""
WARM_AHEAD: Seconds = 5.0
"""A camera that has rested takes a picture that nobody keeps so long before its window opens: the
first frame of a window is as punctual as any other."""
TIDY_EVERY: Seconds = 60.0
"""The heap's free pages go back so often while a session runs: where something small lies in the
hole that a frame has left, the next frame takes as much again."""
ROOM_TO_TIDY: Seconds = 0.3
"""And only so long before a picture: it takes some milliseconds, in which nobody can allocate."""
LOOK_EVERY: Seconds = 10.0
"""A camera that is gone is looked for so often, whatever is planned."""
LOOK_TAKES: Seconds = 2.0
"""Opening a camera takes a Pi one to two seconds."""
SET_UP_TAKES: Seconds = 0.5
"""What new settings are taken to cost the camera, before the first have shown it."""

ResultT = TypeVar("ResultT")
Commit = Callable[[Transaction, CaptureDocument], None]

_log = logger("shutter")


class Storage(Protocol):
    """What the shutter asks of whoever looks after the disk."""

    def handle_full(self, error: StorageFullError) -> bool:
        """Follow the user's policy; True if there is room now, for another try."""
        ...


@dataclass(slots=True)
class _Times:
    """When the thread's own work is due next.

    Attributes:
        rests: When the camera may rest; None while it does.
        tidies: When the heap is tidied.
        looks: When a camera that is gone is looked for.
        set_up_takes: How long the last new settings kept the camera.
    """

    rests: MonotonicTime | None
    tidies: MonotonicTime
    looks: MonotonicTime
    set_up_takes: Seconds = SET_UP_TAKES


class Shutter:
    """One thread, one camera. Every method but `run` and `next_errand` is for any thread.

    Attributes:
        progressed_at: When the thread last came round; for the vigil.
        has_looked: Set once the camera has been opened, or was not there.
    """

    def __init__(
        self,
        *,
        keeper: SessionKeeper,
        camera: Camera,
        taker: Taker,
        storage: Storage,
        clock: Clock,
        config: Callable[[], Config],
    ) -> None:
        """Be ready to `run`; `config` gives the settings in force at the moment."""
        self._keeper = keeper
        self._camera = camera
        self._taker = taker
        self._storage = storage
        self._clock = clock
        self._config = config
        now = clock.monotonic()
        self._waiting = Waiting(clock)
        self._times = _Times(rests=None, tidies=now + TIDY_EVERY, looks=now + LOOK_EVERY)
        self._seldom = Seldom(clock)
        self._wake = threading.Condition()
        self._is_stopping = False
        self.progressed_at: MonotonicTime = now
        self.has_looked = threading.Event()

    # -- what others ask for ----------------------------------------------------------------------

    def wake(self) -> None:
        """Look again at what is planned."""
        with self._wake:
            self._wake.notify_all()

    def follow(self) -> None:
        """The camera's settings have changed: follow those that are in force when it is time.

        However many changes come until then are one, and none of them makes a slot late.
        """
        self._waiting.add_settings(self._set_up, lambda: self._times.set_up_takes)
        self.wake()

    def submit(self, task: Callable[[], ResultT]) -> Future[ResultT]:
        """Do something with the camera in its thread, as soon as it makes no slot late.

        Until it has begun, the future can be cancelled.
        """
        done: Future[ResultT] = Future()

        def run() -> None:
            realtime.give_back()
            if not done.set_running_or_notify_cancel():
                return
            try:
                done.set_result(task())
            except CinepiError as error:
                done.set_exception(error)

        self._waiting.add(run, lambda: LOOK_TAKES)
        self.wake()
        return done

    def snapshot(
        self, at: WallTime | None, commit: Commit, command: str | None = None
    ) -> Future[CaptureDocument]:
        """Take a picture between the frames of the session: now, or at a time on the wall clock.

        `command` is the digest of the command that asks; the picture remembers it. Until it has
        begun, the future can be cancelled.
        """
        done: Future[CaptureDocument] = Future()
        self._waiting.add(
            lambda: self._take_snapshot(at, commit, done, command),
            lambda: self._taker.typical_seconds,
            at,
        )
        self.wake()
        return done

    def stop(self) -> None:
        """End `run` after what it is doing now."""
        with self._wake:
            self._is_stopping = True
            self._wake.notify_all()

    # -- the thread -------------------------------------------------------------------------------

    def run(self) -> None:
        """The thread's life; returns after `stop`."""
        realtime.request()  # the camera's own thread, which begins with `open`, inherits it
        self._camera.open()
        self.has_looked.set()
        while errand := self._wait():
            self.progressed_at = self._clock.monotonic()
            try:
                errand.run()
            except CinepiError as error:
                self._suffer(error)
        self._camera.close()

    def next_errand(self) -> tuple[Errand | None, Seconds]:
        """The errand that is due now, or None and how long to wait before the next look."""
        now = self._clock.monotonic()
        due = self._keeper.next_due()
        slot = None if due is None else Errand(due, self._take_slot)
        found = earliest(slot, self._errands(due, now), now)
        if found is None:
            return None, LONGEST_WAIT
        begins, errand = found
        left = begins - now - ARMED
        return (errand, 0.0) if left <= 0 else (None, min(LONGEST_WAIT, left))

    def _wait(self) -> Errand | None:
        """Sleep until an errand is due, and return it; None at the end."""
        self._keeper.scheduled(is_realtime=realtime.request())
        with self._wake:
            while not self._is_stopping:
                self.progressed_at = self._clock.monotonic()
                errand, wait = self.next_errand()
                if errand is not None:
                    return errand
                self._wake.wait(wait)
        return None

    def _suffer(self, error: CinepiError) -> None:
        """The journal cannot even keep that a frame was missed: that is counted when it can."""
        if self._seldom.is_due("journal"):
            _log.error("the journal fails; frames are missed", reason=str(error))
        self._keeper.passing("storage")
        with self._wake:
            if not self._is_stopping:
                self._wake.wait(FAILING_PAUSE)

    # -- what there is to do ----------------------------------------------------------------------

    def _errands(self, slot: MonotonicTime | None, now: MonotonicTime) -> Iterator[Errand]:
        """All errands beside the slot; of those that begin together, the first goes first."""
        if self._keeper.is_unsettled():
            yield Errand(now, self._settle)
        yield from self._waiting.errands()
        times, camera = self._times, self._camera.document()
        if camera.health != "ok":
            yield Errand(times.looks, self._look_for_camera, LOOK_TAKES)
        if times.rests is None and slot is not None and camera.connected:
            yield Errand(slot - WARM_AHEAD, self._warm, LOOK_TAKES)
        elif times.rests is not None and not self._is_needed(slot, now):
            yield Errand(times.rests, self._rest)
        if slot is not None:
            yield Errand(times.tidies, self._tidy, ROOM_TO_TIDY)

    def _is_needed(self, slot: MonotonicTime | None, now: MonotonicTime) -> bool:
        """Whether the camera has to be ready: a session takes frames, or its window opens soon."""
        session = self._keeper.running
        if session is not None and session.state == "active":
            return True
        return slot is not None and slot - now < WORTH_RESTING

    # -- doing it ---------------------------------------------------------------------------------

    def _take_slot(self) -> None:
        self._waiting.let_one_pass(self._clock.monotonic() + ARMED)
        session = self._keeper.begin_slot(ARMED)
        if session is None:
            return
        self._keeper.passing("late")
        recovery = self._camera.document().recovery
        try:
            self._take_frame(session)
        except ConflictError as error:
            _log.info("picture not kept", reason=str(error))
        except CinepiError as error:
            is_cameras = isinstance(error, CameraUnavailableError | DeadlineError)
            self._miss("camera" if is_cameras else "storage", error)
        finally:
            if self._camera.document().recovery != recovery:
                self._keeper.passing("camera")  # what passed meanwhile was lost to the ladder
            self._keeper.landed()

    def _take_frame(self, session: Session) -> None:
        """Ask for the shot of the session's next slot, and let the exposure mode learn from it."""
        due = session.due(session.slot)
        settings = self._camera.document().settings
        at = session.due_wall(session.slot)
        order = Order(
            kind="frame",
            due=due,
            latest=due + TAKEABLE * session.interval,
            session=session.id,
            slot=session.slot,
            session_name=session.name,
            exposures=planned(settings, session.remembered, at),
        )

        def commit(tx: Transaction, capture: CaptureDocument) -> None:
            light = learned(settings, session.remembered, readings(capture))
            self._keeper.frame_stored(tx, capture, light)

        self._take(order, commit)

    def _settle(self) -> None:
        self._keeper.settle()

    def _miss(self, reason: MissReason, error: CinepiError) -> None:
        self._keeper.slot_failed(reason)
        if self._seldom.is_due(f"{reason} {error.code}"):
            _log.warning("frame missed", reason=str(error))

    def _take_snapshot(
        self,
        at: WallTime | None,
        commit: Commit,
        done: Future[CaptureDocument],
        command: str | None,
    ) -> None:
        due = None if at is None else self._clock.monotonic() + (at - self._clock.wall())
        if not done.set_running_or_notify_cancel():
            return
        self._keeper.passing("snapshot")
        try:
            order = Order(kind="snapshot", due=due, command=command)
            done.set_result(self._take(order, commit))
        except CinepiError as error:
            done.set_exception(error)

    def _take(self, order: Order, commit: Commit) -> CaptureDocument:
        """Take a picture; where the disk is full, follow the policy and try once more."""
        try:
            return self._taker.take(order, self._config().capture, commit)
        except StorageFullError as error:
            if not self._storage.handle_full(error):
                raise
        finally:
            self._used()
        return self._taker.take(order, self._config().capture, commit)

    def _set_up(self) -> None:
        realtime.give_back()
        began = self._clock.monotonic()
        self._camera.apply(self._config().camera)
        self._times.set_up_takes = self._clock.monotonic() - began
        self._used()

    def _look_for_camera(self) -> None:
        """It may have been plugged in again."""
        self._times.looks = self._clock.monotonic() + LOOK_EVERY
        self._camera.open()

    def _rest(self) -> None:
        self._times.rests = None
        self._camera.rest()

    def _warm(self) -> None:
        """Let the camera find its exposure, with a picture that nobody keeps."""
        self._used()
        with suppress(CinepiError):  # the document and the event tell it
            self._camera.take().release()

    def _tidy(self) -> None:
        self._times.tidies = self._clock.monotonic() + TIDY_EVERY
        realtime.give_back()
        trim()

    def _used(self) -> None:
        self._times.rests = self._clock.monotonic() + REST_AFTER
