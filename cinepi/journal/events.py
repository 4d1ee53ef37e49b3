"""Events: their rows, and the bound on them."""

from dataclasses import dataclass

import msgspec

from cinepi.clock import rfc3339
from cinepi.journal.database import Database, Row, Work
from cinepi.journal.tally import Tally
from cinepi.model.events import JournalEntry, event_type
from cinepi.protocol import EventsReadResult
from cinepi.units import Bytes, WallTime

_ROW_BYTES: Bytes = 48  # what a row costs beside its data: keys, type, page overhead
_BATCHES = 128  # the oldest go in batches of a 128th of all, because each costs page writes


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is kept.

    Attributes:
        max_rows: Events.
        max_bytes: Their weight together.
    """

    max_rows: int
    max_bytes: Bytes


def weight(data: bytes) -> Bytes:
    """What one event costs on disk, nearly."""
    return len(data) + _ROW_BYTES


def append(work: Work, tally: Tally, event: msgspec.Struct, *, at: WallTime, boot: str) -> Tally:
    """Write one event under the next seq."""
    seq = tally.last_seq + 1
    data = msgspec.json.encode(event)
    work.run(
        "INSERT INTO event (seq, at, boot, type, data) VALUES (?, ?, ?, ?, ?)",
        (seq, at, boot, event_type(event), data),
    )
    return msgspec.structs.replace(
        tally, last_seq=seq, event_bytes=tally.event_bytes + weight(data)
    )


def prune(work: Work, tally: Tally, bounds: Bounds) -> Tally:
    """Drop the oldest events until both bounds hold; the newest event always stays."""
    batch = max(1, _rows(tally) // _BATCHES)
    while _is_over(tally, bounds) and tally.first_seq < tally.last_seq:
        end = min(tally.first_seq + batch, tally.last_seq)
        span = (tally.first_seq, end)
        freed = work.run("SELECT length(data) FROM event WHERE seq >= ? AND seq < ?", span)
        work.run("DELETE FROM event WHERE seq >= ? AND seq < ?", span)
        weights = sum(length for (length,) in freed) + _ROW_BYTES * len(freed)
        tally = msgspec.structs.replace(
            tally, first_seq=end, event_bytes=tally.event_bytes - weights
        )
    return tally


def read(database: Database, tally: Tally, after: int, limit: int) -> EventsReadResult:
    """Read up to `limit` events later than `after`, in order."""
    rows = database.rows(
        "SELECT seq, at, boot, type, data FROM event WHERE seq > ? ORDER BY seq LIMIT ?",
        (after, limit),
    )
    entries = tuple(_entry(row) for row in rows)
    return EventsReadResult(events=entries, lost=tally.lost(after), last=tally.last_seq)


def _is_over(tally: Tally, bounds: Bounds) -> bool:
    return _rows(tally) > bounds.max_rows or tally.event_bytes > bounds.max_bytes


def _rows(tally: Tally) -> int:
    return tally.last_seq - tally.first_seq + 1


def _entry(row: Row) -> JournalEntry:
    seq, at, boot, kind, data = row
    return JournalEntry(seq=seq, at=rfc3339(at), boot=boot, type=kind, data=msgspec.Raw(data))
