"""The journal: what happened, what is on disk, and what must outlive a power cut."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import msgspec

from cinepi.clock import Clock, new_run_id
from cinepi.envelope import Command
from cinepi.errors import StorageFullError
from cinepi.journal import captures, events, requests, state
from cinepi.journal.captures import CapturePage, NameAndSize
from cinepi.journal.damage import open_sound
from cinepi.journal.database import Work
from cinepi.journal.failure import translated
from cinepi.journal.filter import Filter
from cinepi.journal.net import legible, understood
from cinepi.journal.owed import Attempts
from cinepi.journal.readers import Reader, advanced
from cinepi.journal.requests import Timeline, UnconfirmedPage
from cinepi.journal.reserve import Reserve
from cinepi.journal.tally import Tally, load_tally
from cinepi.journal.transaction import Transaction
from cinepi.journal.waiting import Waiting
from cinepi.model.documents import CaptureDocument
from cinepi.units import Bytes, Seconds

__all__ = ["Journal", "Transaction"]

T = TypeVar("T")


class Journal:
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
        self._reserve = Reserve(path.with_name("journal.reserve"), clock)
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
            StorageFullError: No space, even after the reserve was given up; nothing was written.
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

    @property
    def last_seq(self) -> int:
        """Seq of the newest event; 0 before the first."""
        return self._tally.last_seq

    @property
    def identity(self) -> str:
        """Random, and the same for as long as `seq` counts on; empty on a disk full from birth."""
        return legible(state.get(self._database, state.IDENTITY_KEY), "its identity") or ""

    def events(self, after: int, limit: int) -> events.EventPage:
        """Up to `limit` events later than `after`, and exactly how many of those are gone.

        A page is at most 1 MB, so that it may have fewer; it has one wherever there is one.
        """
        with self._database.lock:
            return events.read(self._database, self._tally, after, limit)

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

    def reader(self, name: str) -> Reader | None:
        """Where a reader is; None if there is none of this name."""
        with self._database.lock:
            return self._readers().get(name)

    def depth(self, after: int) -> int:
        """How many events later than `after` there are."""
        return self._tally.depth(after)

    def capture(self, filename: str) -> CaptureDocument | None:
        """The picture of this name; None if the index has none."""
        return captures.one(self._database, filename)

    def captures(self, which: Filter, *, before: str | None = None, limit: int = 50) -> CapturePage:
        """One page of pictures, newest first in the order of taking, whatever the clock said.

        Takes as long with a million pictures as with a thousand, for every filter. Only where the
        clock was once set back, pictures taken since are passed over one by one in search of those
        before `until_us`: 20 ms for 10,000 of them.

        Args:
            which: The filter.
            before: Only pictures older than the one of this file name, which may be gone.
            limit: How many, at most.
        """
        first, end = which.ids(self._tally)
        if before is not None:
            end = min(end, captures.end_for(self._database, before))
        return captures.page(self._database, which, (first, end), limit)

    def frames_of(self, session: str, limit: int) -> tuple[CaptureDocument, ...]:
        """Up to `limit` frames of a session, newest first."""
        return self.captures(Filter(session=session, kind="frame"), limit=limit).captures

    def matching_captures(self, which: Filter) -> tuple[NameAndSize, ...]:
        """Name and size of every picture that fits, newest first; 2 s for a million.

        Others can use the journal meanwhile: what they add is not found.
        """
        return tuple(captures.matching(self._database, which, which.ids(self._tally)))

    def newest_capture(self) -> CaptureDocument | None:
        """The picture that was taken last; one that was found in the folder only if all were."""
        return captures.newest(self._database, self._tally)

    def oldest_captures(self, limit: int) -> tuple[NameAndSize, ...]:
        """Name and size of up to `limit` pictures, those taken first in front.

        Of those that no reader holds, as long as there are any.
        """
        return captures.oldest(self._database, self._tally, limit)

    def capture_names(self) -> set[str]:
        """The names of all pictures in the index."""
        return captures.names(self._database)

    def capture_totals(self) -> tuple[int, Bytes]:
        """How many pictures the index has, and their size together; costs nothing."""
        tally = self._tally
        return tally.captures, tally.capture_bytes

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

    def value(self, key: str) -> str | None:
        """What `Transaction.set_value` kept last under `key`; None where it is illegible."""
        return legible(state.get(self._database, state.user_key(key)), f"the value {key}")

    def values(self, prefix: str) -> dict[str, str]:
        """All legible values of `Transaction.set_value` whose keys begin with `prefix`."""
        found = state.with_prefix(self._database, state.user_key(prefix))
        texts = {
            state.callers_key(key): legible(value, f"the value {state.callers_key(key)}")
            for key, value in found.items()
        }
        return {key: text for key, text in texts.items() if text is not None}

    def count(self, key: str) -> int:
        """The number that is kept under `key`; 0 where there is none, or none that is legible."""
        return understood(self.value(key), int, f"the counter {key}") or 0

    def outcome(self, command: Command) -> msgspec.Raw | None:
        """How this command ended the first time; None if it is new in the last 10 minutes.

        Raises:
            ConflictError: Its id was used with another fingerprint.
        """
        return requests.outcome_of(self._database, command, self._timeline.now())

    def unanswered(self, after: int = 0) -> UnconfirmedPage:
        """Outcomes of the last 10 minutes that have a context and no `mark_answered`: one page."""
        with self._database.lock:
            page = requests.unanswered(self._database, self._timeline.now(), after)
            answered = self._waiting.answered
            left = tuple(one for one in page.requests if one.command.id not in answered)
            return UnconfirmedPage(requests=left, next=page.next)

    def find_request(self, prefix: str) -> str | None:
        """The newest id of the last 10 minutes that starts with `prefix`."""
        return requests.find(self._database, prefix, self._timeline.now())

    def drop_later(self, keys: Iterable[str]) -> None:
        """Forget values with the next transaction: the disk refuses to do it now."""
        with self._database.lock:
            stale = self._waiting.stale.union(keys)
            self._waiting = replace(self._waiting, stale=stale)

    def age(self) -> Seconds:
        """Seconds on a time of the journal's own, which goes on over restarts and never back."""
        return self._timeline.now()

    def mark_answered(self, ids: Iterable[str]) -> None:
        """Note that the senders have these answers; reaches the disk with the next transaction."""
        with self._database.lock:
            answered = self._waiting.answered.union(ids)
            self._waiting = replace(self._waiting, answered=answered)

    def _readers(self) -> Mapping[str, Reader]:
        """All readers, also where they have got since the last transaction."""
        readers = self._tally.readers
        for name, seq in self._waiting.read.items():
            readers = advanced(readers, name, seq)
        return readers

    @contextmanager
    def _writing(self) -> Iterator[tuple[Work, Transaction]]:
        """Begin, then commit, or roll back on any exception."""
        with translated(self._path):
            work = Work(self._database, self._reserve)
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
