"""The index of captures: adding, removing, and pages of any filter in constant time."""

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec

from cinepi.clock import parse_time
from cinepi.errors import ConflictError, Problem
from cinepi.journal.database import Database, Row, Values, Work
from cinepi.journal.stretches import Ids, Step
from cinepi.journal.tally import Tally
from cinepi.model.documents import CaptureDocument, CaptureKind
from cinepi.units import Bytes

NameAndSize = tuple[str, Bytes]

# The indexes are named, so that a statement which could not use its own is an error in the tests
# and not a slow answer on somebody's roof.
_OF_ALL = "SELECT id, COLUMNS FROM capture WHERE id >= ? AND id < ?"
_OF_KIND = (
    "SELECT id, COLUMNS FROM capture INDEXED BY capture_by_kind"
    " WHERE kind = ? AND id >= ? AND id < ?"
)
_OF_SESSION = (
    "SELECT id, COLUMNS FROM capture INDEXED BY capture_by_session"
    " WHERE session = ? AND kind = ? AND id >= ? AND id < ?"
)
_NEWEST_FIRST = " ORDER BY id DESC"
_PAGE = 1000  # rows that are read at once while nobody else can use the database: 2 ms on a PC

_decode = msgspec.json.Decoder(CaptureDocument).decode


@dataclass(frozen=True, slots=True)
class Filter:
    """Which captures; None does not narrow.

    Attributes:
        session: Id of their session.
        kind: Frames or snapshots.
    """

    session: str | None = None
    kind: CaptureKind | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Pictures, newest first.

    Attributes:
        captures: As many as were asked for, or all that are left.
        next: Name of the last of them, if older ones follow.
    """

    captures: tuple[CaptureDocument, ...]
    next: str | None


def microseconds(text: str, field: str) -> int:
    """A time such as `2026-11-23T09:30:00Z` in microseconds since 1970.

    Raises:
        InvalidArgumentError: It is no time; `field` is the JSON pointer to name.
    """
    return round(parse_time(text, field) * 1_000_000)


def add(work: Work, tally: Tally, capture: CaptureDocument) -> tuple[Tally, Step | None]:
    """Write one row under the next id, and the step if time went back.

    Raises:
        ConflictError: There is a capture of this name.
    """
    number = tally.last_capture + 1
    taken_us = microseconds(capture.taken_at, "/taken_at")
    try:
        work.run(
            "INSERT INTO capture (id, filename, taken_us, kind, session, size, document)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                number,
                capture.filename,
                taken_us,
                capture.kind,
                capture.session,
                capture.size,
                msgspec.json.encode(capture),
            ),
        )
    except sqlite3.IntegrityError as error:
        message = f"there is a capture {capture.filename} already"
        raise ConflictError(message, Problem("/filename", message)) from error
    step = None
    if taken_us < tally.last_taken_us:
        step = Step(number, taken_us, tally.last_taken_us)
        work.run(
            "INSERT INTO stretch (first_id, first_us, before_us) VALUES (?, ?, ?)",
            (step.first_id, step.first_us, step.before_us),
        )
    counted = msgspec.structs.replace(
        tally,
        captures=tally.captures + 1,
        capture_bytes=tally.capture_bytes + capture.size,
        last_capture=number,
        last_taken_us=taken_us,
    )
    return counted, step


def remove(work: Work, tally: Tally, filename: str) -> Tally:
    """Remove one row; a name that is not there changes nothing."""
    gone = work.run("DELETE FROM capture WHERE filename = ? RETURNING size", (filename,))
    return msgspec.structs.replace(
        tally,
        captures=tally.captures - len(gone),
        capture_bytes=tally.capture_bytes - sum(size for (size,) in gone),
    )


def one(database: Database, filename: str) -> CaptureDocument | None:
    """The capture of this name."""
    rows = database.rows("SELECT document FROM capture WHERE filename = ?", (filename,))
    return _decode(rows[0][0]) if rows else None


def newest(database: Database) -> CaptureDocument | None:
    """The capture that was taken last."""
    rows = database.rows("SELECT document FROM capture ORDER BY id DESC LIMIT 1")
    return _decode(rows[0][0]) if rows else None


def oldest(database: Database, limit: int) -> tuple[NameAndSize, ...]:
    """Names and sizes of the captures that were taken first."""
    rows = database.rows("SELECT filename, size FROM capture ORDER BY id LIMIT ?", (limit,))
    return tuple((name, size) for name, size in rows)


def names(database: Database) -> set[str]:
    """All file names."""
    return {name for (name,) in database.rows("SELECT filename FROM capture")}


def end_for(database: Database, before: str) -> int:
    """The row id below which captures are older than the file `before`, which may be gone."""
    exact = database.rows("SELECT id FROM capture WHERE filename = ?", (before,))
    if exact:
        return int(exact[0][0])
    near = database.rows(
        "SELECT id FROM capture WHERE filename < ? ORDER BY filename DESC LIMIT 1", (before,)
    )
    return int(near[0][0]) + 1 if near else 0


def documents(
    database: Database, which: Filter, ranges: Iterator[Ids], limit: int
) -> list[CaptureDocument]:
    """Up to `limit` captures of the ranges, newest first; the ranges must come newest first."""
    found: list[CaptureDocument] = []
    for ids in ranges:
        sql, values = query("document", which, ids)
        rows = database.rows(f"{sql} LIMIT ?", (*values, limit - len(found)))
        found += [_decode(document) for _, document in rows]
        if len(found) == limit:
            break
    return found


def matching(database: Database, which: Filter, ranges: Iterable[Ids]) -> Iterator[NameAndSize]:
    """Names and sizes of all captures of the ranges, newest first; others can write meanwhile."""
    for low, end in ranges:
        high = end
        while high > low:
            sql, values = query("filename, size", which, (low, high))
            rows = database.rows(f"{sql} LIMIT ?", (*values, _PAGE))
            yield from map(_name_and_size, rows)
            high = rows[-1][0] if len(rows) == _PAGE else low


def query(columns: str, which: Filter, ids: Ids) -> tuple[str, Values]:
    """The statement that walks one index backwards over a range of ids: SQLite never sorts.

    Its rows are the id and then the `columns`.
    """
    values: Values
    if which.session is None and which.kind is None:
        parts, values = [_OF_ALL], ids
    elif which.session is None:
        parts, values = [_OF_KIND], (which.kind, *ids)
    else:  # of both kinds: two walks, merged
        kinds: tuple[CaptureKind, ...] = (which.kind,) if which.kind else ("frame", "snapshot")
        parts = [_OF_SESSION] * len(kinds)
        values = [value for kind in kinds for value in (which.session, kind, *ids)]
    return " UNION ALL ".join(parts).replace("COLUMNS", columns) + _NEWEST_FIRST, values


def _name_and_size(row: Row) -> NameAndSize:
    _, name, size = row
    return name, size
