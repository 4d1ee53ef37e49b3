"""Events: their rows, and the bounds on them.

Readers take every event in order, so that one which nobody can read would hold up all that follow.
In place of such an event they get an `event_omitted`, under the seq of the event.
"""

from dataclasses import dataclass

import msgspec

from cinepi.clock import rfc3339
from cinepi.journal.database import Database, Row, Work
from cinepi.journal.net import understood
from cinepi.journal.paging import last_fitting
from cinepi.journal.tally import Tally
from cinepi.logs.setup import logger
from cinepi.model.events import EventOmitted, JournalEntry, event_type
from cinepi.units import Bytes, WallTime

LONGEST: Bytes = 56 * 1024
"""As JSON: every broker and cloud service takes a message of 64 KB, and an answer to
`events/replay` has room for it."""

_ROW_BYTES: Bytes = 48  # what a row costs beside its data: keys, type, page overhead
_BATCHES = 128  # the oldest go in batches of a 128th of all, because each costs page writes

_log = logger("journal")


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is kept.

    Attributes:
        max_rows: Events.
        max_bytes: Their weight together.
    """

    max_rows: int
    max_bytes: Bytes


@dataclass(frozen=True, slots=True)
class EventPage:
    """Events in order.

    Attributes:
        events: Those that were asked for, or as many of them as make 1 MB.
        lost: How many events after the cursor have been dropped already.
        last: Seq of the newest event there is.
    """

    events: tuple[JournalEntry, ...]
    lost: int
    last: int


def weight(data: bytes) -> Bytes:
    """What one event costs on disk, nearly."""
    return len(data) + _ROW_BYTES


def append(work: Work, tally: Tally, event: msgspec.Struct, *, at: WallTime, boot: str) -> Tally:
    """Write one event under the next seq.

    One that is longer than `LONGEST` is a mistake of whoever made it. It is logged and written as
    an `event_omitted`: what happens beside it, such as a picture, must not fail for it.
    """
    seq = tally.last_seq + 1
    data = msgspec.json.encode(event)
    if len(data) > LONGEST:
        _log.error("an event is too long", type=event_type(event), bytes=len(data))
        event = _stand_in(event_type(event), len(data), "too_long")
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


def read(database: Database, tally: Tally, after: int, limit: int) -> EventPage:
    """Read a page of up to `limit` events later than `after`, in order.

    The database's lock must be held, so that `tally` fits what is read.
    """
    lengths = database.rows(
        "SELECT seq, min(length(data), ?) FROM event WHERE seq > ? ORDER BY seq LIMIT ?",
        (LONGEST, after, limit),
    )
    rows = database.rows(
        "SELECT seq, at, boot, type, length(data),"
        " CASE WHEN length(data) <= ? THEN data END"
        " FROM event WHERE seq > ? AND seq <= ? ORDER BY seq",
        (LONGEST, after, last_fitting((seq, length) for seq, length in lengths)),
    )
    entries = tuple(_entry(row) for row in rows)
    return EventPage(events=entries, lost=tally.lost(after), last=tally.last_seq)


def _is_over(tally: Tally, bounds: Bounds) -> bool:
    return _rows(tally) > bounds.max_rows or tally.event_bytes > bounds.max_bytes


def _rows(tally: Tally) -> int:
    return tally.last_seq - tally.first_seq + 1


def _entry(row: Row) -> JournalEntry:
    seq, at, boot, kind, length, data = row
    if data is None:
        omitted = _stand_in(kind, length, "too_long")
    elif understood(data, dict, f"event {seq}") is None:
        omitted = _stand_in(kind, length, "unreadable")
    else:
        return JournalEntry(seq=seq, at=_when(at), boot=boot, type=kind, data=msgspec.Raw(data))
    return JournalEntry(
        seq=seq,
        at=_when(at),
        boot=boot,
        type=event_type(omitted),
        data=msgspec.Raw(msgspec.json.encode(omitted)),
    )


def _stand_in(kind: str, length: Bytes, reason: str) -> EventOmitted:
    return EventOmitted(omitted=kind, size_bytes=length, reason=reason)


def _when(at: WallTime) -> str:
    """As RFC 3339; a time that the disk returns damaged, and that no calendar has, is 1970."""
    try:
        return rfc3339(at)
    except (ValueError, OverflowError):
        return rfc3339(0.0)
