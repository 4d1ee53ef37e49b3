"""The session as it stands in memory, in the journal, and in the document that the world is told.

The three change together: a new value is written in a transaction and takes effect when that
commits.
"""

import msgspec

from cinepi.clock import Clock, kernel_boot_id
from cinepi.envelope import Command
from cinepi.journal.journal import Transaction
from cinepi.model.documents import SessionDocument
from cinepi.timing.ledger import Ledger
from cinepi.timing.session import Session


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
