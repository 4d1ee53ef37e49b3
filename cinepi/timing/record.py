"""The session as it stands in memory, in the journal, and in the document that the world is told.

The three change together: a new value is written in a transaction and takes effect when that
commits.
"""

import msgspec

from cinepi.clock import Clock, kernel_boot_id, parse_time
from cinepi.envelope import Command
from cinepi.journal.journal import Transaction
from cinepi.model.documents import CaptureDocument, EndReason, MissReason, SessionDocument
from cinepi.timing.ledger import Ledger, counted, tell_end
from cinepi.timing.moment import Moment
from cinepi.timing.session import Session
from cinepi.timing.settle import Settled, settle


class Record:
    """Holds the present value of the session; any thread may read it.

    Attributes:
        session: The present value; None before the first session.
        is_realtime: Whether the shutter's thread has got the real-time scheduling class.
    """

    def __init__(self, session: Session | None, ledger: Ledger, clock: Clock) -> None:
        """Begin with what was saved."""
        self.session = session
        self.is_realtime = False
        self.kernel_boot = kernel_boot_id()
        self._ledger = ledger
        self._clock = clock

    def save(
        self, tx: Transaction, session: Session, command: Command | None = None
    ) -> SessionDocument:
        """Write a new value; the document is the answer to `command`."""
        written = msgspec.structs.replace(
            session,
            written_wall=self._clock.wall(),
            written_mono=self._clock.monotonic(),
            kernel_boot=self.kernel_boot,
        )
        document = self._document_of(written)
        tx.save_session(msgspec.json.encode(written))
        tx.finish(command, document)

        def take_effect() -> None:
            self.session = written

        tx.on_commit(take_effect)
        return document

    def save_settled(self, tx: Transaction, settled: Settled) -> None:
        """Write a session that was settled; if nothing more will come of it, tell its end."""
        session = settled.session
        if settled.end is not None:
            session = session.ended(settled.end, self._clock.wall())
        if not session.is_open:
            tell_end(tx, session)
        self.save(tx, session)

    def count_frame(
        self, tx: Transaction, session: Session, capture: CaptureDocument, light: msgspec.Raw | None
    ) -> None:
        """Count the picture of the next slot; `light` is what the exposure mode has learned."""
        late_ms = capture.late_ms or 0.0
        self._ledger.frame(tx, late_ms)
        exposed_at = parse_time(capture.taken_at, "/taken_at")
        session = session.with_frame(exposed_at, late_ms, light)
        if not session.is_open:  # it was stopped while this one was being exposed
            tell_end(tx, session)
        self.save(tx, session)

    def miss(self, tx: Transaction, session: Session, count: int, reason: MissReason) -> None:
        """Count slots as missed; the disk is spared where more of a streak have passed."""
        if session.is_running and not self._ledger.begins_streak(tx, reason):
            self.session = self._ledger.put_off(session, count, reason)
            return
        self._ledger.tell(tx)
        session = counted(tx, session, count, reason)
        if not session.is_open:  # it was stopped, and its last frame has failed
            tell_end(tx, session)
        self.save(tx, session)

    def ended(
        self, tx: Transaction, session: Session, reason: EndReason, away: MissReason
    ) -> Session:
        """The session with its end told, and with all that has passed by now, missed for `away`."""
        self._ledger.tell(tx)
        settled = settle(session, Moment.of(self._clock), away)
        counted(tx, session, settled.missed, away)
        session = counted(tx, settled.session, settled.session.unsettled, away)
        session = session.ended(reason, self._clock.wall())
        tell_end(tx, session)
        return session

    def document(self) -> SessionDocument:
        """What the world is told."""
        return SessionDocument() if self.session is None else self._document_of(self.session)

    def _document_of(self, session: Session) -> SessionDocument:
        next_wall = None
        if session.state == "active":
            next_wall = session.due_wall(session.slot)
        elif session.state == "waiting":
            next_wall = session.opens
        return session.document(
            next_wall=next_wall,
            lateness=self._ledger.lateness(session),
            is_realtime=self.is_realtime,
        )
