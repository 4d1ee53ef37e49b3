"""The index of captures: one row for each shot, under the name that its files share."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice

import msgspec

from cinepi.clock import parse_time
from cinepi.errors import ConflictError, Problem
from cinepi.journal.database import Database, Work
from cinepi.journal.filter import END_ID, FIRST_ID, KINDS, PAGE, Filter, Ids, walk
from cinepi.journal.net import understood
from cinepi.journal.readers import held_after
from cinepi.journal.tally import Tally
from cinepi.model.documents import CaptureDocument
from cinepi.stem import stem_of
from cinepi.units import Bytes

NameAndSize = tuple[str, Bytes]

_PICTURE = "stem || suffix"  # the name of the picture's own file
_NEVER = object()  # equals no value of a field
_OLDEST = "SELECT id, stem || suffix, size, seq FROM capture WHERE id > ? ORDER BY id LIMIT ?"
_NAMES = "SELECT stem || suffix FROM capture"  # from the index alone, a twentieth of the table


@dataclass(frozen=True, slots=True)
class CapturePage:
    """Pictures, newest first.

    Attributes:
        captures: As many as were asked for, or all that are left.
        next: Name of the last of them, if older ones follow.
    """

    captures: tuple[CaptureDocument, ...]
    next: str | None


_FREE = """
WITH RECURSIVE
    doubled(step) AS (
        SELECT 1
        UNION ALL
        SELECT 2 * step FROM doubled WHERE EXISTS (SELECT 1 FROM capture WHERE id = ?1 + step)
    ),
    halved(used, free) AS (
        SELECT ?1 + max(step) / 2, ?1 + max(step) FROM doubled
        UNION ALL
        SELECT
            CASE WHEN EXISTS (SELECT 1 FROM capture WHERE id = (used + free) / 2)
                THEN (used + free) / 2 ELSE used END,
            CASE WHEN EXISTS (SELECT 1 FROM capture WHERE id = (used + free) / 2)
                THEN free ELSE (used + free) / 2 END
        FROM halved WHERE free - used > 1
    )
SELECT min(free) FROM halved
"""


def microseconds(text: str, field: str) -> int:
    """A time such as `2026-11-23T09:30:00Z` in microseconds since 1970.

    Raises:
        InvalidArgumentError: It is no time; `field` is the JSON pointer to name.
    """
    return round(parse_time(text, field) * 1_000_000)


def add(work: Work, tally: Tally, capture: CaptureDocument, *, is_found: bool) -> Tally:
    """Write one row at its place in the order of taking.

    A picture that is taken now follows the one that was taken before it, whatever the clock says.
    One that was found in the folder takes the place of its own time, so that it is as old as it is.
    For example, with the clock set back by an hour at 12:00, the picture of 11:01 has the id of
    12:00 and a microsecond; a picture of 11:30 that is copied in a day later has the id of 11:30.

    Raises:
        ConflictError: There is a shot of this name.
    """
    name = stem_of(capture.filename)
    if work.run("SELECT 1 FROM capture WHERE stem = ?", (name,)):
        message = f"there is a capture {capture.filename} already"
        raise ConflictError(message, Problem("/filename", message))
    taken_us = microseconds(capture.taken_at, "/taken_at")
    place = taken_us if is_found else max(taken_us, tally.newest_id + 1)
    number = _first_free(work, place)
    work.run(
        "INSERT INTO capture (id, stem, suffix, ahead_us, kind, session, seq, size, document)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            number,
            name,
            capture.filename[len(name) :],
            number - taken_us,
            KINDS[capture.kind],
            capture.session,
            tally.last_seq + 1,
            capture.total_size,
            msgspec.json.encode(_said(capture)),
        ),
    )
    return msgspec.structs.replace(
        tally,
        captures=tally.captures + 1,
        capture_bytes=tally.capture_bytes + capture.total_size,
        newest_id=tally.newest_id if is_found else number,
        ahead_us=max(tally.ahead_us, number - taken_us),
    )


def remove(work: Work, tally: Tally, filename: str) -> Tally:
    """Remove one row; a name that is not there changes nothing."""
    gone = work.run("DELETE FROM capture WHERE stem = ? RETURNING size", (stem_of(filename),))
    return msgspec.structs.replace(
        tally,
        captures=tally.captures - len(gone),
        capture_bytes=tally.capture_bytes - sum(size for (size,) in gone),
    )


def one(database: Database, filename: str) -> CaptureDocument | None:
    """The capture of this name."""
    rows = database.rows("SELECT document FROM capture WHERE stem = ?", (stem_of(filename),))
    return understood(rows[0][0], CaptureDocument, f"the entry of {filename}") if rows else None


def newest(database: Database, tally: Tally) -> CaptureDocument | None:
    """The capture that was taken last.

    A picture that was found with a time in the future is not it. Where all were found, as after the
    journal was lost, it is the one with the greatest time.
    """
    until_now = documents(database, Filter(), (FIRST_ID, tally.newest_id + 1))
    of_all = documents(database, Filter(), (FIRST_ID, END_ID))
    return next(until_now, None) or next(of_all, None)


def oldest(database: Database, tally: Tally) -> Iterator[NameAndSize]:
    """Yield names and sizes of all captures, those that were taken first in front.

    Those that no reader holds come before all others. A page of rows is read at once; others can
    write between two pages.
    """
    held = held_after(tally.readers)
    until = END_ID if held is None else held
    yield from _oldest(database, lambda seq: seq <= until)
    if held is not None:
        yield from _oldest(database, lambda seq: seq > until)


def seqs(work: Work, filenames: Iterable[str]) -> list[int]:
    """Of the events that told of these pictures; a name that is not there has none."""
    found = [
        work.run("SELECT seq FROM capture WHERE stem = ?", (stem_of(filename),))
        for filename in filenames
    ]
    return [seq for rows in found for (seq,) in rows]


def names(database: Database) -> set[str]:
    """All file names."""
    return {name for (name,) in database.rows(_NAMES)}


def end_for(database: Database, before: str) -> int:
    """The row id below which captures are older than the file `before`, which may be gone."""
    name = stem_of(before)
    exact = database.rows("SELECT id FROM capture WHERE stem = ?", (name,))
    if exact:
        return int(exact[0][0])
    near = database.rows(
        "SELECT id FROM capture WHERE stem < ? ORDER BY stem DESC LIMIT 1", (name,)
    )
    return int(near[0][0]) + 1 if near else FIRST_ID


def page(database: Database, which: Filter, ids: Ids, limit: int) -> CapturePage:
    """The first `limit` captures of a range."""
    found = tuple(islice(documents(database, which, ids, limit + 1), limit + 1))
    has_more = len(found) > limit
    return CapturePage(captures=found[:limit], next=found[limit - 1].filename if has_more else None)


def documents(
    database: Database, which: Filter, ids: Ids, limit: int = 1
) -> Iterator[CaptureDocument]:
    """Yield the captures of a range, newest first; an entry that is not understood is left out.

    Args:
        database: Where to read.
        which: The filter.
        ids: The range.
        limit: How many the caller is going to take.
    """
    for number, _, document in walk(database, "document", which, ids, limit):
        capture = understood(document, CaptureDocument, f"the entry {number} of the index")
        if capture is not None:
            yield capture


def matching(database: Database, which: Filter, ids: Ids) -> Iterator[NameAndSize]:
    """Names and sizes of all captures of a range, newest first; others can write meanwhile."""
    for _, _, name, size in walk(database, f"{_PICTURE}, size", which, ids):
        yield name, size


def _said(facts: msgspec.Struct) -> dict[str, object]:
    """A picture's facts without those that say nothing: they would be a fifth of its row."""
    kept: dict[str, object] = {}
    for name, key, default in _fields(type(facts)):
        value = getattr(facts, name)
        if value != default:
            kept[key] = _said(value) if isinstance(value, msgspec.Struct) else value
    return kept


@cache
def _fields(kind: type[msgspec.Struct]) -> tuple[tuple[str, str, object], ...]:
    """Name, key and default of each field, if the default says nothing; any other may change."""
    fields = []
    for field in msgspec.structs.fields(kind):
        made = field.default_factory
        default = field.default if made is msgspec.NODEFAULT else made()
        says_nothing = default in (None, ()) or isinstance(default, msgspec.Struct)
        fields.append((field.name, field.encode_name, default if says_nothing else _NEVER))
    return tuple(fields)


def _oldest(database: Database, is_meant: Callable[[int], bool]) -> Iterator[NameAndSize]:
    """Yield those of which the seq of their event is meant, in the order of taking."""
    last = FIRST_ID
    while rows := database.rows(_OLDEST, (last, PAGE)):
        yield from ((name, size) for _, name, size, seq in rows if is_meant(seq))
        last = rows[-1][0]


def _first_free(work: Work, place: int) -> int:
    """The first row id from `place` on that has no row, or one nearly so.

    Steps that double lead to a free id, and halving what lies between to one behind a taken one: 40
    look-ups after a million neighbours, in one statement.
    """
    if not work.run("SELECT 1 FROM capture WHERE id = ?", (place,)):
        return place
    return int(work.run(_FREE, (place,))[0][0])
