"""Counts that the journal keeps in one row, so that nobody ever counts rows."""

import msgspec

from cinepi.journal import state
from cinepi.journal.database import Database
from cinepi.journal.net import understood
from cinepi.journal.readers import Reader

TALLY_KEY = "journal.tally"


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """The journal's counts; each transaction makes a new one and writes it once.

    Attributes:
        last_seq: Seq of the newest event, or the one before the first.
        first_seq: Seq of the oldest event still kept; `last_seq + 1` where there is none.
        event_bytes: What the kept events weigh, as `events.weight` counts.
        unknown_before: Events up to here were in a damaged database that could not be read; how
            many they were is unknown, and they count as one.
        captures: Captures in the index.
        capture_bytes: Their files' sizes together.
        newest_id: Row id of the picture that was taken last; it may have been deleted.
        ahead_us: By how much a row id is greater than the time of taking, at most, in microseconds.
        readers: Who follows the journal, by name.
        request_bytes: What the kept commands weigh, as `requests.finish` counts.
    """

    last_seq: int = 0
    first_seq: int = 1
    event_bytes: int = 0
    unknown_before: int = 0
    captures: int = 0
    capture_bytes: int = 0
    newest_id: int = 0
    ahead_us: int = 0
    readers: dict[str, Reader] = {}
    request_bytes: int = 0

    def lost(self, after: int) -> int:
        """How many events later than `after` are gone."""
        known = max(0, self.first_seq - 1 - max(after, self.unknown_before))
        return known + (1 if after < self.unknown_before else 0)

    def depth(self, after: int) -> int:
        """How many kept events are later than `after`."""
        return max(0, self.last_seq - max(after, self.first_seq - 1))


def load_tally(database: Database) -> Tally | None:
    """Read it; None in a new database, and where it is not understood."""
    return understood(state.get(database, TALLY_KEY), Tally, "the tally")
