"""Folder and index in order: at the start, and again whenever the folder has come back."""

import threading
import time
from collections.abc import Callable, Iterator

from cinepi import __version__, systemd
from cinepi.capture.folder import KnownFolder
from cinepi.capture.reconcile import CutShort, at_once, reconcile
from cinepi.capture.removal import finish_removals
from cinepi.capture.store import Store
from cinepi.errors import CinepiError, ConflictError, StorageFullError
from cinepi.journal.journal import Journal, Transaction
from cinepi.logs.setup import logger
from cinepi.model.events import CapturesFolderChanged, CapturesFolderSettled, ServiceStarted
from cinepi.timing.session import Session
from cinepi.units import Seconds

BUDGET: Seconds = 2.0
"""So long the monitor tidies in one turn: 10,000 pictures that were found, or 50,000 that are
missing. One step more may follow."""

_ANNOUNCED = "captures_folder_changed"
BetweenPictures = Callable[[Callable[[], None]], None]

_log = logger("tidying")


class Tidying:
    """Puts folder and index in order, and tells when the folder is another one; any thread.

    Attributes:
        has_begun: Whether the start of the service is told, so that its session may go on: a frame
            that is on the disk and in no index would count as missed. False on a full disk.
        refusal: Why the folder could not be used at the last look; None if it could.
    """

    def __init__(self, store: Store, journal: Journal, known: KnownFolder) -> None:
        """Nothing is looked at before `begin`."""
        self._store = store
        self._journal = journal
        self._known = known
        self._lock = threading.Lock()
        self._steps: Iterator[None] | None = None
        self._is_in_order = False
        self._is_announced = journal.value(_ANNOUNCED) is not None
        self.has_begun = False
        self.refusal: str | None = "the folder of the pictures has not been looked at yet"

    @property
    def problem(self) -> str | None:
        """What is wrong with the folder, in a sentence; None if it is the known one."""
        return self._known.problem or self.refusal

    def begin(self) -> None:
        """Put everything in order at the start, however long it takes; systemd is asked for time.

        What the disk refuses is left for `go_on`: who could make room, or plug a disk in, if not
        for a service that runs?
        """
        with self._lock:
            self.refusal = self._known.look()
            try:
                finish_removals(self._store, self._journal)
                if self.refusal is None:
                    for _ in self._reconciled(at_once):
                        systemd.take_more_time("indexing pictures")
            except StorageFullError as error:
                _log.error("started on a full disk", reason=str(error))
                return
            except CinepiError as error:
                _log.error("folder and index are not in order", reason=str(error))
            try:
                self._tell_start()
                self._tell_problem()
            except StorageFullError as error:
                _log.error("started on a full disk", reason=str(error))

    def look(self) -> None:
        """See whether the folder is the known one, and tell where that has changed.

        Where nothing has changed it does not wait for the journal, which may hang: whoever looks
        here has to see that as well.

        Raises:
            CinepiError: It cannot be told; the next look tries again.
        """
        with self._lock:
            refusal = self._known.look()
            if refusal is None and self.refusal is not None:
                self._begin_anew()
            self.refusal = refusal
            self._tell_problem()

    def go_on(self, between_pictures: BetweenPictures) -> None:
        """Do a part of what is left to be put in order, for about `BUDGET`.

        Raises:
            StorageFullError: The journal has no room.
            CinepiError: The folder or the journal fails; the next call begins again.
        """
        with self._lock:
            is_left = self.refusal is None and not self._is_in_order
            if is_left and not self._has_ended(between_pictures):
                return
            if not self.has_begun:
                self._tell_start()

    def accept(self, also: Callable[[Transaction], None]) -> None:
        """Go on in the folder as it is; `also` joins the transaction. What it lacks is told later.

        Raises:
            ConflictError: It is the known one.
            CinepiError: It cannot be opened, or the journal fails.
        """
        with self._lock:
            self._known.look()
            if self._known.problem is None:
                raise ConflictError("the folder of the pictures is the known one already")

            def settle(tx: Transaction) -> None:
                _settle(tx, CapturesFolderSettled(how="accepted"))
                also(tx)

            self._known.accept(settle)
            self._is_announced = False
            self.refusal = None
            self._begin_anew()

    def _tell_problem(self) -> None:
        """Tell that the folder is another one, or that it is the known one again."""
        problem = self._known.problem
        if problem is not None and not self._is_announced:
            with self._journal.transaction() as tx:
                captures, _ = self._journal.capture_totals()
                tx.append(CapturesFolderChanged(reason=problem, captures=captures))
                tx.set_value(_ANNOUNCED, "yes")
            self._is_announced = True
        elif problem is None and self._is_announced and self.refusal is None:
            with self._journal.transaction() as tx:
                _settle(tx, CapturesFolderSettled(how="back"))
            self._is_announced = False
            self._begin_anew()

    def _begin_anew(self) -> None:
        self._steps = None
        self._is_in_order = False

    def _has_ended(self, between_pictures: BetweenPictures) -> bool:
        """Do steps for a while; returns whether that was the last of them."""
        if self._steps is None:
            self._steps = self._reconciled(between_pictures)
        end = time.perf_counter() + BUDGET
        try:
            for _ in self._steps:
                if time.perf_counter() >= end:
                    return False
        except CinepiError:
            self._steps = None
            raise
        return True

    def _reconciled(self, between_pictures: BetweenPictures) -> Iterator[None]:
        before = None if self.has_begun else _cut_short(self._journal)
        yield from reconcile(self._store, self._journal, before, between_pictures=between_pictures)
        self._is_in_order = True

    def _tell_start(self) -> None:
        reason = "start" if self._journal.ended_cleanly else "after_crash"
        with self._journal.transaction() as tx:
            tx.append(ServiceStarted(version=__version__, reason=reason))
        self.has_begun = True


def _settle(tx: Transaction, event: CapturesFolderSettled) -> None:
    tx.append(event)
    tx.drop_values([_ANNOUNCED])


def _cut_short(journal: Journal) -> CutShort:
    is_crash = not journal.ended_cleanly
    session = journal.saved_session(Session)
    if session is None or not session.is_running:
        return CutShort(is_crash=is_crash)
    return CutShort(is_crash=is_crash, session=session.id, slot=session.slot)
