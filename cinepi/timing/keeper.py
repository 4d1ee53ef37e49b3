"""The one session of the device: starts, goes on, ends; each change is one journal transaction.

The journal's lock is the lock here too: whoever changes the session holds a transaction, and the
new value takes effect in the moment of the commit. Whoever only reads takes the value as it is.
"""

from collections.abc import Callable

import msgspec

from cinepi.clock import Clock
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
from cinepi.model.events import SessionChanged, SessionPaused, SessionResumed
from cinepi.protocol import StartParams
from cinepi.timing.begin import new_session, require_room_for_another, started
from cinepi.timing.flight import Flight
from cinepi.timing.ledger import Ledger, counted
from cinepi.timing.moment import Moment
from cinepi.timing.record import Record
from cinepi.timing.resume import end_doubt, find_again
from cinepi.timing.session import Session
from cinepi.timing.settle import Settled, settle
from cinepi.units import MonotonicTime, Seconds


class SessionKeeper:
    """Holds the session; safe to use from any thread."""

    def __init__(self, journal: Journal, clock: Clock, on_change: Callable[[], None]) -> None:
        """Read the session that the journal has saved; it goes on with `take_up`.

        Args:
            journal: Where the session is saved and told.
            clock: The time.
            on_change: Called after each change of the document, by the thread that made it.
        """
        self._journal = journal
        self._clock = clock
        self._on_change = on_change
        self._flight = Flight()
        self._away: MissReason = "late"
        saved = journal.saved_session(Session)
        self._held_up = saved if saved is not None and saved.is_open else None
        self._ledger = Ledger(clock)
        self._record = Record(None if self._held_up else saved, self._ledger, clock)

    def take_up(self) -> None:
        """Go on with the session of an earlier run, unless that was done already.

        Raises:
            StorageFullError: That cannot be noted, so it waits.
        """
        if self._held_up is None:
            return
        resumed = find_again(
            self._held_up,
            Moment.of(self._clock),
            self._record.kernel_boot,
            self._journal.frames_of(self._held_up.id, limit=50),
            is_synced=self._clock.is_synced(),
        )
        with self._journal.transaction() as tx:
            for event in resumed.events():
                tx.append(event)
            self._record.save_settled(tx, resumed.settled)
        self._held_up = None
        self._on_change()

    @property
    def running(self) -> Session | None:
        """The session if it has not ended."""
        session = self._record.session
        return session if session is not None and session.is_running else None

    def document(self) -> SessionDocument:
        """What the world is told about the session."""
        return self._record.document()

    # -- commands: any thread ---------------------------------------------------------------------

    def start(
        self, params: StartParams, default_interval: Seconds, command: Command | None
    ) -> SessionDocument:
        """Begin a session.

        Raises:
            ConflictError: One is running already.
            BusyError: The last frame of the one before is still being exposed.
            InvalidArgumentError: The times contradict each other or have passed.
        """
        session = new_session(params, default_interval, Moment.of(self._clock))
        with self._journal.transaction() as tx:
            self._require_taken_up()
            require_room_for_another(self._record.session)
            self._ledger.begin(tx)
            tx.append(started(session))
            document = self._record.save(tx, session, command)
        self._on_change()
        return document

    def stop(self, command: Command | None) -> SessionDocument:
        """End the session; waits `IN_FLIGHT_LIMIT` for the frame in flight.

        A frame with a longer exposure is counted when it lands, and only then `session_stopped` is
        told, with it.

        Raises:
            ConflictError: None is running.
        """
        self._require_running("stop")
        with self._flight.held(), self._journal.transaction() as tx:
            session = self._require_running("stop")
            if self._is_in_flight(session):
                self._ledger.tell(tx)
                gone = self._gone(session)
                ended = session.ended("stopped", self._clock.wall(), unsettled=gone)
            else:
                ended = self._record.ended(tx, session, "stopped", self._away)
            document = self._record.save(tx, ended, command)
        self._on_change()
        return document

    def finish(self, session_id: str, reason: EndReason) -> None:
        """End this session from inside; another one that has begun meanwhile is left alone."""
        with self._journal.transaction() as tx:
            session = self.running
            if session is None or session.id != session_id:
                return
            self._record.save(tx, self._record.ended(tx, session, reason, self._away))
        self._on_change()

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
            self._ledger.tell(tx)
            gone = self._gone(session)
            if not self._is_in_flight(session):  # else it may still come, under its number
                session, gone = counted(tx, session, gone, self._away), 0
            tx.append(SessionPaused(session=session.id, reason=reason))
            document = self._record.save(tx, session.paused(reason, unsettled=gone), command)
        self._on_change()
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
            session = session.unpaused(self._clock.monotonic())
            document = self._record.save(tx, session, command)
        self._on_change()
        return document

    def change_interval(self, tx: Transaction, interval: Seconds) -> None:
        """Give a running session a new grid from its next frame on, in the caller's transaction."""
        session = self.running
        if session is None or session.interval == interval:
            return
        self._ledger.tell(tx)
        if self._flight.slot is None and session.state == "active":
            session = counted(tx, session, self._gone(session), self._away)
        tx.append(
            SessionChanged(
                session=session.id, interval=interval, previous_interval=session.interval
            )
        )
        self._record.save(tx, session.with_interval(interval, self._clock.monotonic()))

    # -- the shutter's side: the thread that takes the frames -------------------------------------

    def passing(self, reason: MissReason) -> None:
        """Slots that pass from now on are missed for this reason: it is what the shutter does."""
        self._away = reason

    def scheduled(self, *, is_realtime: bool) -> None:
        """Note the scheduling class that the shutter's thread has got."""
        self._record.is_realtime = is_realtime

    def next_due(self) -> MonotonicTime | None:
        """When the next slot is due, in this window or the next; None while none is planned."""
        session = self._record.session
        if session is None or session.state in ("idle", "paused"):
            return None
        if session.state == "active":
            return session.due(session.slot)
        return session.opens - Moment.of(self._clock).offset

    def is_unsettled(self) -> bool:
        """Whether something waits to be settled that no time has to pass for."""
        session = self._open_session()
        if session is None or self._flight.slot:
            return False
        return session.unsettled > 0 or self._is_doubt_over(session)

    def settle(self, later: Seconds = 0.0) -> Session | None:
        """Turn the session that is there into the one that is due, and return that.

        Windows open and close, slots that have passed are counted, and a session that is over
        ends: all of it in one transaction, and in none where nothing is due.

        Args:
            later: For which moment: so many seconds after now.
        """
        session = self._open_session()
        if session is None:
            return self._record.session
        moment = Moment.of(self._clock, later)
        if not self.is_unsettled():
            settled = settle(session, moment, self._away)
            if settled.session is session and settled.end is None:
                return session
        with self._journal.transaction() as tx:
            session = self._open_session()
            if session is None or self._flight.slot:  # a frame in flight may not lose its number
                return self._record.session
            self._settle(tx, session, moment)
        self._on_change()
        return self._record.session

    def begin_slot(self, later: Seconds) -> Session | None:
        """The session whose next slot is due within `later` seconds and is to be taken now.

        None means: nothing to take at this moment. After a session was returned, `frame_stored` or
        `slot_failed` must follow, and then `landed`.
        """
        self._flight.wait_for_turn()
        session = self.settle(later)
        if session is None or session.state != "active":
            return None
        if not session.passed(self._clock.monotonic() + later).is_next_due:
            return None
        slot = session.id, session.slot
        is_begun = self._flight.begin(slot, is_still_due=lambda: self._record.session is session)
        return session if is_begun else None

    def frame_stored(
        self, tx: Transaction, capture: CaptureDocument, light: msgspec.Raw | None = None
    ) -> None:
        """Count a picture, in the transaction that stores it; `light` is what it has taught.

        Raises:
            ConflictError: The session ended or changed while the picture was being taken.
        """
        session = self._open_session()
        if session is None or (session.id, session.slot) != (capture.session, capture.frame):
            message = "the session ended before its last picture was ready"
            raise ConflictError(message)
        self._record.count_frame(tx, session, capture, light)

    def slot_failed(self, reason: MissReason) -> None:
        """Count the slot that was begun as missed; only the first call for a slot counts.

        Where its session has ended meanwhile, it has been counted there.
        """
        slot = self._flight.slot
        if slot is None:
            return
        with self._journal.transaction() as tx:
            session = self._open_session()
            if session is not None and (session.id, session.slot) == slot:
                self._record.miss(tx, session, 1, reason)
        self._flight.end()
        self._on_change()

    def landed(self) -> None:
        """The slot that was begun is settled; ends the session if that was its last."""
        self._flight.end()
        self.settle()
        self._on_change()

    # -- the monitor's side -----------------------------------------------------------------------

    def tell_misses(self) -> None:
        """Journal missed frames that have waited long enough."""
        if self._ledger.is_due():
            with self._journal.transaction() as tx:
                self.tell(tx)

    def tell(self, tx: Transaction) -> None:
        """Journal all missed frames that have been counted."""
        self._ledger.tell(tx)
        if self._record.session:
            self._record.save(tx, self._record.session)

    def lose_to_camera(self, tx: Transaction) -> None:
        """Count all that has passed, and the slot in flight, as the camera's; nothing may land now.

        For the end of a process that is left because of its camera: the next one would take what
        was not told for time without a service.
        """
        self._ledger.tell(tx)
        if session := self._open_session():
            session = counted(tx, session, self._gone(session), "camera")
            self._record.save_settled(tx, Settled(session, 0, None))

    # -- what they have in common; all of it in the caller's transaction --------------------------

    def _settle(self, tx: Transaction, session: Session, moment: Moment) -> None:
        reason = self._away
        if session.unsettled:  # what was in flight at a pause or a stop has landed
            rest = session.unsettled
            settled = Settled(session.with_missed(rest, reason), rest, None)
        elif self._is_doubt_over(session):
            reason = "power_off"
            settled = end_doubt(session, moment)
        else:
            settled = settle(session, moment, reason)
            if settled.missed and settled.session == session.with_missed(settled.missed, reason):
                self._record.miss(tx, session, settled.missed, reason)
                return
        self._ledger.tell(tx)
        counted(tx, session, settled.missed, reason)
        self._record.save_settled(tx, settled)

    def _open_session(self) -> Session | None:
        """The session of which something is still to be decided."""
        session = self._record.session
        return session if session is not None and session.is_open else None

    def _gone(self, session: Session) -> int:
        """How many slots have passed; the one in flight has, whatever comes of it."""
        gone = min(session.passed(self._clock.monotonic()).gone, session.slots_left())
        return max(int(gone), int(self._is_in_flight(session)))

    def _is_in_flight(self, session: Session) -> bool:
        """Whether its next slot is being taken."""
        return self._flight.slot == (session.id, session.slot)

    def _is_doubt_over(self, session: Session) -> bool:
        """Whether a session went on by a clock that nobody had set, and somebody has now."""
        return session.doubted_offset is not None and self._clock.is_synced()

    def _require_taken_up(self) -> None:
        if self._held_up is not None:
            raise StorageFullError("the disk is full, and the session waits for room to go on")

    def _require_running(self, verb: str) -> Session:
        self._require_taken_up()
        if session := self.running:
            return session
        message = f"no session is running: there is nothing to {verb}"
        raise ConflictError(message)
