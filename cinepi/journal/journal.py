"""The journal: what happened, what is on disk, and what must outlive a power cut."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import msgspec

from cinepi.clock import Clock, new_run_id
from cinepi.errors import StorageFullError
from cinepi.journal import events, state
from cinepi.journal.ballast import Ballast
from cinepi.journal.damage import open_sound
from cinepi.journal.database import Work
from cinepi.journal.failure import translated
from cinepi.journal.net import understood
from cinepi.journal.owed import Attempts
from cinepi.journal.questions import Questions
from cinepi.journal.readers import advanced
from cinepi.journal.requests import Timeline
from cinepi.journal.tally import Tally, load_tally
from cinepi.journal.transaction import Transaction
from cinepi.journal.waiting import Waiting
from cinepi.units import Bytes

__all__ = ["Journal", "Transaction"]

T = TypeVar("T")


class Journal(Questions):
    """The open journal of this process; every method may be called from any thread.

    Reads take microseconds to a few milliseconds, and wait while another thread's transaction is
    open. All methods raise as `failure.translated` says, `StorageFullError` among them.

    Attributes:
        boot: Run id of this service, on every event that it appends.
        damage: What was wrong with the database that was found, in a sentence; None if nothing.
            The index of captures is then empty and wants to be made again from the folder.
        ended_cleanly: Whether the run before this one closed the journal; True for the first.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Clock,
        boot: str,
        max_rows: int = 100_000,
        max_bytes: Bytes = 64 * 1024 * 1024,
    ) -> None:
        """Open or make the database at `path`; checks it first, 0.1 s per 75 MB on a fast disk.

        Args:
            path: The file; its folder is made if it is missing.
            clock: For the times of events and the age of requests.
            boot: See the attribute.
            max_rows: Most events kept.
            max_bytes: Most bytes of events kept, nearly.

        Raises:
            NotSupportedError: A newer version of the product wrote it.
            ConflictError: Another process has it open.
            PermissionDeniedError: It may not be opened or written.
        """
        self.boot = boot
        self._path = path
        self._clock = clock
        self._bounds = events.Bounds(max_rows, max_bytes)
        opened = open_sound(path, clock)
        self._database = opened.database
        self.damage = opened.damage
        self._ballast = Ballast(path.with_name("journal.ballast"), clock)
        self._tally = load_tally(self._database) or Tally()
        self._timeline = Timeline.resume(self._database, clock)
        self._waiting = Waiting()
        self._attempts = Attempts(clock)
        self._listeners: tuple[Callable[[int], None], ...] = ()
        self._is_closed = False
        self.ended_cleanly = state.get(self._database, state.RUNNING_KEY) is None
        self._mark_running()

    def close(self) -> None:
        """Mark a clean end and close the file; again is harmless."""
        with self._database.lock:
            if self._is_closed:
                return
            self._is_closed = True
            try:
                # On a full disk the next start takes this for a crash.
                with suppress(StorageFullError), self._writing() as (work, transaction):
                    self._waiting.write(work, transaction)
                    transaction.settle(self._bounds)
                    state.drop(work, state.RUNNING_KEY)
            finally:
                self._database.close()

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Write several things as one; on return from the block all of it is on the disk.

        Excludes all other threads while the block runs, so it should hold no slow work. An
        exception in the block undoes all of it and passes. When events were appended, the
        listeners are called at the end, outside the lock.

        Raises:
            StorageFullError: No space, even after the ballast was dropped; nothing was written.
            InternalError: The disk or the database failed, or this thread has a transaction open;
                nothing was written.
        """
        with self._database.lock:
            before = self._tally.last_seq
            waiting = self._waiting
            with self._writing() as (work, transaction):
                waiting.write(work, transaction)
                yield transaction
                transaction.settle(self._bounds)
            self._tally = transaction.tally
            self._waiting = self._waiting.without(waiting)
            newest = self._tally.last_seq
            for effect in transaction.when_committed:
                effect()
        if newest > before:
            for listener in self._listeners:
                listener(newest)

    def tell(
        self, event: msgspec.Struct, also: Callable[[Transaction], None] | None = None
    ) -> None:
        """Append an event that accompanies something else, and never fail for it.

        It is on the disk on return. Where that is impossible, on a full disk or inside another
        transaction of this thread, it is written with the next transaction that succeeds, under the
        time of now; so are up to 100 such events, of which the oldest are given up.

        Args:
            event: One of `cinepi.model.events`.
            also: Writes what belongs to it into the same transaction, whichever that is.
        """
        with self._database.lock:
            self._waiting = self._waiting.with_event(event, self._clock.wall(), also)
        self._attempts.make(self.transaction)

    def on_append(self, listener: Callable[[int], None]) -> None:
        """Call `listener` with the newest seq after each commit with events.

        It is called in the committing thread, must not raise and must not block. Where two threads
        commit at the same time, the smaller seq may come last.
        """
        self._listeners += (listener,)

    def has_read(self, reader: str, seq: int) -> None:
        """Note that a reader has done with all events up to `seq`, as `Transaction.advance`.

        It reaches the disk with the next transaction: it costs none of its own, and after a power
        cut the reader is where it was some seconds before.

        Raises:
            InvalidArgumentError: There are too many readers.
        """
        with self._database.lock:
            advanced(self._readers(), reader, seq)
            read = {**self._waiting.read, reader: seq}
            self._waiting = replace(self._waiting, read=read)

    def saved_session(self, kind: type[T]) -> T | None:
        """What `Transaction.save_session` kept last; None where it is not understood.

        Such a session is put aside, so that the next one does not overwrite it. It is taken up
        again where a version that understands it finds no later one.
        """
        saved = state.get(self._database, state.SESSION_KEY)
        if saved is None:
            aside = state.get(self._database, state.ASIDE_KEY)
            return understood(aside, kind, "the session that was put aside")
        session = understood(saved, kind, "the saved session")
        if session is None:
            with suppress(StorageFullError), self._writing() as (work, _):
                state.put(work, state.ASIDE_KEY, saved)
                state.drop(work, state.SESSION_KEY)
        return session

    def drop_later(self, keys: Iterable[str]) -> None:
        """Forget values with the next transaction: the disk refuses to do it now."""
        with self._database.lock:
            stale = self._waiting.stale.union(keys)
            self._waiting = replace(self._waiting, stale=stale)

    def mark_answered(self, ids: Iterable[str]) -> None:
        """Note that the senders have these answers; reaches the disk with the next transaction."""
        with self._database.lock:
            answered = self._waiting.answered.union(ids)
            self._waiting = replace(self._waiting, answered=answered)

    @contextmanager
    def _writing(self) -> Iterator[tuple[Work, Transaction]]:
        """Begin, then commit, or roll back on any exception."""
        with translated(self._path):
            work = Work(self._database, self._ballast)
            try:
                yield (
                    work,
                    Transaction(work, self._clock, self._timeline, self.boot, self._tally),
                )
                work.commit()
            except BaseException:
                work.rollback()
                raise

    def _mark_running(self) -> None:
        """Note that this run has begun; a full disk must not keep the service from starting."""
        with suppress(StorageFullError), self._writing() as (work, _):
            state.put(work, state.RUNNING_KEY, self.boot.encode())
            if not self.identity:
                state.put(work, state.IDENTITY_KEY, new_run_id().encode())
            self._timeline.save(work)
