"""What can be asked of the open journal."""

from collections.abc import Iterator, Mapping

import msgspec

from cinepi.envelope import Command
from cinepi.journal import captures, events, requests, state
from cinepi.journal.captures import CapturePage, NameAndSize
from cinepi.journal.database import Database
from cinepi.journal.filter import Filter
from cinepi.journal.net import legible, understood
from cinepi.journal.readers import Reader, advanced
from cinepi.journal.requests import Timeline, UnconfirmedPage
from cinepi.journal.tally import Tally
from cinepi.journal.waiting import Waiting
from cinepi.model.documents import CaptureDocument
from cinepi.units import Bytes, Seconds


class Questions:
    """The half of `Journal` that changes nothing; every method may be called from any thread."""

    _database: Database
    _tally: Tally
    _timeline: Timeline
    _waiting: Waiting

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

    def oldest_captures(self) -> Iterator[NameAndSize]:
        """Yield name and size of all pictures, those taken first in front.

        Those that no reader holds come before all others. They are read in pages, and what others
        add or remove in between is seen.
        """
        return captures.oldest(self._database, self._tally)

    def capture_names(self) -> set[str]:
        """The names of all pictures in the index."""
        return captures.names(self._database)

    def capture_totals(self) -> tuple[int, Bytes]:
        """How many pictures the index has, and their size together; costs nothing."""
        tally = self._tally
        return tally.captures, tally.capture_bytes

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

    def age(self) -> Seconds:
        """Seconds on a time of the journal's own, which goes on over restarts and never back."""
        return self._timeline.now()

    def _readers(self) -> Mapping[str, Reader]:
        """All readers, also where they have got since the last transaction."""
        readers = self._tally.readers
        for name, seq in self._waiting.read.items():
            readers = advanced(readers, name, seq)
        return readers
