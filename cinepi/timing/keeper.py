"""The one session of the device: starts, goes on, ends; each change is one journal transaction.

The journal's lock is the lock here too: whoever changes the session holds a transaction, and the
new value takes effect in the moment of the commit. Whoever only reads takes the value as it is.
"""

from collections.abc import Callable
from contextlib import suppress

import msgspec

from cinepi.clock import Clock, kernel_boot_id
from cinepi.envelope import Command
from cinepi.errors import ConflictError, StorageFullError
from cinepi.journal.journal import Journal, Transaction
from cinepi.model.documents import (
    CaptureDocument,
    EndReason,
    MissReason,
    PauseReason,
    SessionDocument,
)
from cinepi.model.events import (
    SessionChanged,
    SessionPaused,
    SessionResumed,
    SessionStopped,
)
from cinepi.protocol import CapturesListParams, StartParams
from cinepi.timing.begin import new_session, started
from cinepi.timing.flight import Flight
from cinepi.timing.lateness import LatenessWindow
from cinepi.timing.misses import Misses, counted, missed
from cinepi.timing.plan import begun, end_before_next, next_due, next_wall, slots_in_plan
from cinepi.timing.resume import Resumed, find_again
from cinepi.timing.session import Session
from cinepi.units import MonotonicTime, Seconds


class SessionKeeper:
    """Holds the session; safe to use from any thread.

    Attributes:
        away: Why slots that pass untaken are missed; the shutter says what it is busy with.
        is_realtime: The scheduling class that the shutter has got.
    """

    def __init__(self, journal: Journal, clock: Clock, *, may_go_on: bool = True) -> None:
        """Take up the session that the journal has saved, if any, and if it `may_go_on` already."""
        self._journal = journal
        self._clock = clock
        self.on_change: Callable[[], None] = lambda: None
        self._kernel_boot = kernel_boot_id()
        self._lateness = LatenessWindow()
        self._misses = Misses(clock)
        self._flight = Flight()
        self.away: MissReason = "late"
        self.is_realtime = False
        self._session = journal.saved_session(Session)
        self._held_up: Session | None = None
        if self._session is not None and self._session.is_running:
            self._session, self._held_up = None, self._session
        if may_go_on:
            with suppress(StorageFullError):  # the monitor tries again
                self.take_up()

    def take_up(self) -> None:
        """Go on with the session of an earlier run, unless that was done already.

        Raises:
            StorageFullError: That cannot be noted, so it waits.
        """
        if self._held_up is not None:
            newest = CapturesListParams(session=self._held_up.id, kind="frame")
            frames = self._journal.captures(newest).captures
            self._go_on(find_again(self._held_up, self._clock, self._kernel_boot, frames))
            self._held_up = None
            self.on_change()

    @property
    def running(self) -> Session | None:
        """The session if it has not ended."""
        return self._session if self._session and self._session.is_running else None

    def document(self) -> SessionDocument:
        """What the world is told about the session."""
        return self._document_of(self._session)

    def start(
        self, params: StartParams, default_interval: Seconds, command: Command | None
    ) -> SessionDocument:
        """Begin a session.

        Raises:
            ConflictError: One is running already.
            InvalidArgumentError: The times contradict each other or have passed.
        """
        session = new_session(params, default_interval, self._clock)
        with self._journal.transaction() as tx:
            self._require_taken_up()
            if running := self.running:
                message = (
                    f"a session is {running.state} already "
                    f"({running.name or running.id}, every {running.interval:g} s): stop it first"
                )
                raise ConflictError(message)
            self._lateness.clear()
            self._misses.end_streak()
            tx.append(started(session))
            document = self._save(tx, session, command)
        self.on_change()
        return document

    def stop(self, command: Command | None) -> SessionDocument:
        """End the session, after the frame in flight has landed or `IN_FLIGHT_LIMIT` is over.

        Raises:
            ConflictError: None is running.
        """
        self._require_running("stop")
        with self._flight.held(), self._journal.transaction() as tx:
            document = self._end(tx, self._require_running("stop"), "stopped", command)
        self.on_change()
        return document

    def pause(self, reason: PauseReason, command: Command | None) -> SessionDocument:
        """Let slots go by uncounted until `resume`; those before it are counted.

        Raises:
            ConflictError: No session runs, or it does not take frames now.
        """
        with self._flight.held(), self._journal.transaction() as tx:
            session = self._require_running("pause")
            if session.state != "active":
                message = f"the session is {session.state}, not active: it cannot be paused"
                raise ConflictError(message)
            self._misses.tell(tx)
            gone = self._gone(session)
            if not self._is_in_flight(session):  # else it may still come, under its number
                session, gone = counted(tx, session, gone, self.away, self._clock), 0
            tx.append(SessionPaused(session=session.id, reason=reason))
            document = self._save(tx, session.paused(reason, unsettled=gone), command)
        self.on_change()
        return document

    def resume(self, cause: str, command: Command | None) -> SessionDocument:
        """Go on after a pause, at the next point of the grid.

        Raises:
            ConflictError: No session is paused.
        """
        with self._journal.transaction() as tx:
            session = self._require_running("resume")
            if session.state != "paused":
                message = f"the session is {session.state}, not paused"
                raise ConflictError(message)
            tx.append(SessionResumed(session=session.id, cause=cause))
            document = self._save(tx, session.unpaused(self._clock.monotonic()), command)
        self.on_change()
        return document

    def change_interval(self, tx: Transaction, interval: Seconds) -> None:
        """Give a running session a new grid from its next frame on, in the caller's transaction."""
        session = self.running
        if session is None or session.interval == interval:
            return
        self._misses.tell(tx)
        if self._flight.slot is None:
            session = self._settled(tx, session, self.away)
        tx.append(
            SessionChanged(
                session=session.id, interval=interval, previous_interval=session.interval
            )
        )
        self._save(tx, session.with_interval(interval, self._clock.monotonic()), None)

    def next_due(self) -> MonotonicTime | None:
        """When the shutter has something to do next; None while nothing is planned."""
        session = self._session
        return None if session is None else next_due(session, self._clock)

    def begin_slot(self, ahead: Seconds) -> Session | None:
        """Settle all slots that have passed; the session whose next slot is to be taken now.

        A slot that is due within `ahead` is taken. None means: nothing to take at this moment.
        After a session was returned, `frame_stored` or `slot_failed` must follow, and then
        `landed`.
        """
        self._flight.wait_for_turn()
        session = self._session
        now = self._clock.monotonic() + ahead
        if session is None or session.state in ("idle", "paused"):
            return None
        if session.state == "waiting":
            session = self._begin_waiting(session)
        if session.passed(now)[0]:
            self._miss(self.away, lambda present: present.passed(now)[0])
        current = self._session
        if current is None or current.state != "active":
            return None
        if reason := end_before_next(current, self._clock):
            self.finish(reason)
            return None
        slot = current.id, current.slot
        is_begun = current.passed(now)[1] and self._flight.begin(
            slot, is_still_due=lambda: self._session is current
        )
        return current if is_begun else None

    def frame_stored(self, tx: Transaction, capture: CaptureDocument) -> None:
        """Count a picture, in the transaction that stores it.

        Raises:
            ConflictError: The session ended or changed while the picture was being taken.
        """
        session = self.running
        if session is None or (session.id, session.slot) != (capture.session, capture.frame):
            message = "the session ended before its last picture was ready"
            raise ConflictError(message)
        late_ms = capture.late_ms or 0.0
        self._lateness.add(late_ms)
        self._misses.tell(tx)
        self._save(tx, session.with_frame(self._clock.wall(), late_ms), None)
        self._misses.end_streak()

    def slot_failed(self, reason: MissReason) -> None:
        """Count the slot that was begun as missed; only the first call for a slot counts.

        Where its session has ended meanwhile, it has been counted there.
        """
        slot = self._flight.slot
        if slot is not None:
            self._miss(reason, lambda present: int((present.id, present.slot) == slot))
            self._flight.end()

    def landed(self) -> None:
        """The slot that was begun is settled; ends the session if that was its last."""
        self._flight.end()
        session = self.running
        if session and session.unsettled:
            self._miss(self.away, lambda present: present.unsettled)
        elif session and (reason := end_before_next(session, self._clock)):
            self.finish(reason)
        self.on_change()

    def finish(self, reason: EndReason) -> None:
        """End the session from inside."""
        with self._journal.transaction() as tx:
            if session := self.running:
                self._end(tx, session, reason, None)
        self.on_change()

    def tell_misses(self) -> None:
        """Journal missed frames that have waited long enough."""
        if self._misses.is_due():
            with self._journal.transaction() as tx:
                self.tell(tx)

    def tell(self, tx: Transaction) -> None:
        """Journal all missed frames that have been counted."""
        self._misses.tell(tx)
        if self._session:
            self._save(tx, self._session, None)

    def lose_to_camera(self, tx: Transaction) -> None:
        """Count all that has passed, and the slot in flight, as the camera's; nothing may land now.

        For the end of a process that is left because of its camera: the next one would take what
        was not told for time without a service.
        """
        self._misses.tell(tx)
        if session := self.running:
            gone = self._gone(session)
            self._save(tx, counted(tx, session, gone, "camera", self._clock), None)

    def settle_doubt(self) -> None:
        """Once the clock has been set, count what a session missed that was resumed before that."""
        session = self.running
        if session is None or session.doubted_offset is None or not self._clock.is_synced():
            return
        with self._flight.held():
            if self._flight.slot:
                return  # no frame may lose its number, and the next look comes soon
            with self._journal.transaction() as tx:
                session = self.running
                if session is None or session.doubted_offset is None:
                    return
                offset = self._clock.wall() - self._clock.monotonic()
                moved = session.with_time_off(max(0.0, offset - session.doubted_offset))
                slots = moved.origin_slot - session.origin_slot
                self._misses.tell(tx)
                self._save(tx, counted(tx, moved, slots, "power_off", self._clock), None)
        self.on_change()

    def _document_of(self, session: Session | None) -> SessionDocument:
        if session is None:
            return SessionDocument()
        return session.document(
            next_wall=next_wall(session, self._clock),
            lateness=self._lateness.summary(session.max_late_ms),
            is_realtime=self.is_realtime,
        )

    def _begin_waiting(self, session: Session) -> Session:
        """The start time has come, by the wall clock as it is now."""
        active = begun(session, self._clock)
        with self._journal.transaction() as tx:
            if self._session is session:
                self._save(tx, active, None)
        return active

    def _go_on(self, resumed: Resumed) -> None:
        """Tell what was missed while nobody was there, and that the session goes on."""
        with self._journal.transaction() as tx:
            for event in resumed.events():
                tx.append(event)
            self._save(tx, resumed.session, None)

    def _miss(self, reason: MissReason, how_many: Callable[[Session], int]) -> None:
        """Count slots of the session as it is by now as missed; see `Misses` for the telling."""
        with self._journal.transaction() as tx:
            session = self.running
            count = slots_in_plan(session, how_many(session), self._clock) if session else 0
            if session is None or not count:
                return
            if self._misses.begins_streak(tx, reason):
                self._misses.tell(tx)
                self._save(tx, counted(tx, session, count, reason, self._clock), None)
            else:
                self._misses.add(missed(session, count, reason))
                self._session = session.with_missed(count, reason)
        self.on_change()

    def _gone(self, session: Session) -> int:
        """How many slots have passed; the one in flight has, whatever comes of it."""
        gone, _ = session.passed(self._clock.monotonic())
        return max(gone, int(self._is_in_flight(session)))

    def _is_in_flight(self, session: Session) -> bool:
        """Whether its next slot is being taken."""
        return self._flight.slot == (session.id, session.slot)

    def _settled(self, tx: Transaction, session: Session, reason: MissReason) -> Session:
        """Count what has passed, before the grid changes."""
        gone, _ = session.passed(self._clock.monotonic())
        return counted(tx, session, gone, reason, self._clock)

    def _end(
        self, tx: Transaction, session: Session, reason: EndReason, command: Command | None
    ) -> SessionDocument:
        self._misses.tell(tx)
        if self._is_in_flight(session):
            # It hangs; `frame_stored` refuses it should it come after all.
            session = counted(tx, session, 1, "camera", self._clock)
        session = self._settled(tx, session, self.away)
        stopped = SessionStopped(
            session=session.id, reason=reason, frames=session.frames, missed=session.missed
        )
        tx.append(stopped)
        return self._save(tx, session.ended(reason, self._clock.wall()), command)

    def _save(self, tx: Transaction, session: Session, command: Command | None) -> SessionDocument:
        """Write the session's new value; it takes effect when the transaction commits."""
        written = msgspec.structs.replace(
            session,
            written_wall=self._clock.wall(),
            written_mono=self._clock.monotonic(),
            kernel_boot=self._kernel_boot,
        )
        document = self._document_of(written)
        tx.save_session(msgspec.json.encode(written))
        tx.finish(command, document)

        def take_effect() -> None:
            self._session = written

        tx.on_commit(take_effect)
        return document

    def _require_taken_up(self) -> None:
        if self._held_up is not None:
            raise StorageFullError("the disk is full, and the session waits for room to go on")

    def _require_running(self, verb: str) -> Session:
        self._require_taken_up()
        if session := self.running:
            return session
        message = f"no session is running: there is nothing to {verb}"
        raise ConflictError(message)
