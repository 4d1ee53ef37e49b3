"""The thread that owns the camera: it waits for the next slot, snapshot or task, and does it."""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from cinepi.camera.camera import Camera
from cinepi.capture.take import Order, Taker
from cinepi.clock import Clock
from cinepi.errors import (
    CameraUnavailableError,
    CinepiError,
    ConflictError,
    DeadlineError,
    StorageFullError,
)
from cinepi.heap import trim
from cinepi.journal.journal import Transaction
from cinepi.logs.seldom import Seldom
from cinepi.logs.setup import logger
from cinepi.model.documents import CaptureDocument
from cinepi.model.settings import CaptureSettings
from cinepi.timing import realtime
from cinepi.timing.keeper import SessionKeeper
from cinepi.units import MonotonicTime, Seconds, WallTime

ARMED: Seconds = 0.02
"""The thread turns to a picture this long before it is due; the camera waits for the instant.

What lies between waking and the exposure takes 0.2 ms on a PC and some milliseconds on a small
board or a busy one, and would make each picture so much later.
"""
LONGEST_WAIT: Seconds = 1.0
"""The thread looks at the clocks at least this often while something is planned."""
FAILING_PAUSE: Seconds = 0.5
"""How long a journal that cannot be written is left alone."""
REST_AFTER: Seconds = 10.0
"""With nothing planned for so long, the camera gives its memory back."""
TIDY_EVERY: Seconds = 60.0
"""The heap's free pages go back so often while a session runs: where something small lies in the
hole that a frame has left, the next frame takes as much again."""
ROOM_TO_TIDY: Seconds = 0.3
"""And only so long before a picture: it takes some milliseconds, in which nobody can allocate."""
LOOK_EVERY: Seconds = 10.0
"""With nothing planned, a camera that is gone is looked for so often."""

ResultT = TypeVar("ResultT")
Commit = Callable[[Transaction, CaptureDocument], None]

_log = logger("shutter")


class Storage(Protocol):
    """What the shutter asks of whoever looks after the disk."""

    def handle_full(self, error: StorageFullError) -> bool:
        """Follow the user's policy; True if there is room now, for another try."""
        ...


@dataclass(slots=True)
class _Snapshot:
    at: WallTime | None
    commit: Commit
    done: Future[CaptureDocument]
    command: str | None
    has_waited: bool = False
    asked_at: MonotonicTime = 0.0


@dataclass(slots=True)
class _Plan:
    tasks: deque[Callable[[], None]] = field(default_factory=deque)
    snapshots: list[_Snapshot] = field(default_factory=list)


class Shutter:
    """One thread, one camera. Every method but `run` may be called from any thread.

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
        settings: Callable[[], CaptureSettings],
    ) -> None:
        """Be ready to `run`; `settings` gives those in force at the moment."""
        self._keeper = keeper
        self._camera = camera
        self._taker = taker
        self._storage = storage
        self._clock = clock
        self._settings = settings
        self._plan = _Plan()
        self._seldom = Seldom(clock)
        self._wake = threading.Condition()
        self._is_stopping = False
        self._rests_at: MonotonicTime | None = None
        self._tidies_at: MonotonicTime = clock.monotonic() + TIDY_EVERY
        self._looks_at: MonotonicTime = clock.monotonic() + LOOK_EVERY
        self.progressed_at: MonotonicTime = clock.monotonic()
        self.has_looked = threading.Event()

    def wake(self) -> None:
        """Look again at what is planned."""
        with self._wake:
            self._wake.notify_all()

    def submit(self, task: Callable[[], ResultT]) -> Future[ResultT]:
        """Do something with the camera in its thread, before anything else that is not due.

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

        with self._wake:
            self._plan.tasks.append(run)
            self._wake.notify_all()
        return done

    def snapshot(
        self, at: WallTime | None, commit: Commit, command: str | None = None
    ) -> Future[CaptureDocument]:
        """Take a picture between the frames of the session: now, or at a time on the wall clock.

        `command` is the digest of the command that asks; the picture remembers it. Until it has
        begun, the future can be cancelled.
        """
        snapshot = _Snapshot(at, commit, Future(), command, asked_at=self._clock.monotonic())
        with self._wake:
            self._plan.snapshots.append(snapshot)
            self._wake.notify_all()
        return snapshot.done

    def stop(self) -> None:
        """End `run` after what it is doing now."""
        with self._wake:
            self._is_stopping = True
            self._wake.notify_all()

    def run(self) -> None:
        """The thread's life; returns after `stop`."""
        realtime.request()  # the camera's own thread, which begins with `open`, inherits it
        self._camera.open()
        self.has_looked.set()
        while task := self._next_task():
            try:
                task()
            except CinepiError as error:
                self._suffer(error)
            self.progressed_at = self._clock.monotonic()
        self._camera.close()

    def _suffer(self, error: CinepiError) -> None:
        """The journal cannot even keep that a frame was missed: that is counted when it can."""
        if self._seldom.is_due("journal"):
            _log.error("the journal fails; frames are missed", reason=str(error))
        self._keeper.away = "storage"
        with self._wake:
            if not self._is_stopping:
                self._wake.wait(FAILING_PAUSE)

    def _next_task(self) -> Callable[[], None] | None:
        self._keeper.is_realtime = realtime.request()
        with self._wake:
            while not self._is_stopping:
                self.progressed_at = self._clock.monotonic()
                if self._plan.tasks:
                    return self._plan.tasks.popleft()
                task, wait = self._look_ahead()
                if task:
                    return task
                self._wake.wait(wait)
        return None

    def _look_ahead(self) -> tuple[Callable[[], None] | None, Seconds]:
        """The task that is due now, or None and how long to wait for the next."""
        now = self._clock.monotonic()
        armed = now + ARMED
        due = self._keeper.next_due()
        if snapshot := self._ripe_snapshot(armed, due):
            self._plan.snapshots.remove(snapshot)
            return lambda: self._take_snapshot(snapshot), 0
        if due is not None and due <= armed:
            return self._take_slot, 0
        times = [self._time_of(snapshot) for snapshot in self._plan.snapshots]
        if due is not None:
            times.append(due)
        if times:
            self._rests_at = now + REST_AFTER
            left = min(times) - armed
            if left > ROOM_TO_TIDY and now >= self._tidies_at:
                self._tidies_at = now + TIDY_EVERY
                return _tidy, 0
            return None, min(LONGEST_WAIT, max(0.0, left))
        if self._rests_at is not None:
            if now < self._rests_at:
                return None, self._rests_at - now
            self._rests_at = None
            return self._camera.rest, 0
        if self._camera.document().health != "ok" and now >= self._looks_at:
            self._looks_at = now + LOOK_EVERY  # it may have been plugged in again
            return self._camera.open, 0
        return None, LONGEST_WAIT

    def _ripe_snapshot(self, armed: MonotonicTime, due: MonotonicTime | None) -> _Snapshot | None:
        """A snapshot whose time has come, unless it would make the next frame late.

        One that has let a frame go first is taken whatever follows.
        """
        for snapshot in self._plan.snapshots:
            if self._time_of(snapshot) > armed:
                continue
            is_in_the_way = due is not None and due - armed < self._taker.typical_seconds
            if not is_in_the_way or snapshot.has_waited:
                return snapshot
        return None

    def _time_of(self, snapshot: _Snapshot) -> MonotonicTime:
        if snapshot.at is None:
            return snapshot.asked_at
        return self._clock.monotonic() + (snapshot.at - self._clock.wall())

    def _take_slot(self) -> None:
        session = self._keeper.begin_slot(ARMED)
        if session is None:
            return
        self._keeper.away = "late"
        for snapshot in self._plan.snapshots:
            snapshot.has_waited = True
        order = Order(
            kind="frame",
            due=session.due(session.slot),
            session=session.id,
            frame=session.slot,
            session_name=session.name,
        )
        recovery = self._camera.document().recovery
        try:
            self._take(order, self._keeper.frame_stored)
        except ConflictError as error:
            _log.info("picture not kept", reason=str(error))
        except StorageFullError as error:
            self._keeper.slot_failed("storage")
            self._tell_missed("storage", error)
        except (CameraUnavailableError, DeadlineError) as error:
            self._keeper.slot_failed("camera")
            self._tell_missed("camera", error)
        except CinepiError as error:
            self._keeper.slot_failed("storage")
            if self._seldom.is_due(error.code):
                _log.error("frame missed", reason=str(error))
        finally:
            if self._camera.document().recovery != recovery:
                self._keeper.away = "camera"  # what passed meanwhile was lost to the ladder
            self._keeper.landed()

    def _tell_missed(self, why: str, error: CinepiError) -> None:
        if self._seldom.is_due(why):
            _log.warning("frame missed", reason=str(error))

    def _take_snapshot(self, snapshot: _Snapshot) -> None:
        due = None if snapshot.at is None else self._time_of(snapshot)
        order = Order(kind="snapshot", due=due, command=snapshot.command)
        if not snapshot.done.set_running_or_notify_cancel():
            return
        self._keeper.away = "snapshot"
        try:
            snapshot.done.set_result(self._take(order, snapshot.commit))
        except CinepiError as error:
            snapshot.done.set_exception(error)

    def _take(self, order: Order, commit: Commit) -> CaptureDocument:
        """Take a picture; where the disk is full, follow the policy and try once more."""
        try:
            return self._taker.take(order, self._settings(), commit)
        except StorageFullError as error:
            if not self._storage.handle_full(error):
                raise
        return self._taker.take(order, self._settings(), commit)


def _tidy() -> None:
    realtime.give_back()
    trim()
