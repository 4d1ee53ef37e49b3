"""Which captures, and how they are walked: newest first, a page of rows at a time.

A row id is the place of a picture in the order of taking, in microseconds since 1970. It is never
smaller than the time at which the picture was taken. It is greater only where the clock was set
back (see `captures.add`), by the `ahead_us` of its row. So an index on time is not needed: what was
taken since noon has an id from noon on, and what was taken before noon has an id below noon plus
the greatest difference that there is, which is 0 where no clock was ever set back.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from cinepi.journal.database import Database, Row, Values
from cinepi.journal.tally import Tally
from cinepi.model.documents import CaptureKind

Ids = tuple[int, int]
"""A range of row ids: the first, and the one after the last."""

FIRST_ID, END_ID = -(2**63), 2**63 - 1
"""All that SQLite can count."""

KINDS: dict[CaptureKind, int] = {"frame": 0, "snapshot": 1}
"""How a row spells them."""

PAGE = 1000
"""Rows that are read at once while nobody else can use the database: 2 ms on a PC."""

# The indexes are named, so that a statement which could not use its own is an error in the tests
# and not a slow answer on somebody's roof.
_OF_ALL = "SELECT id, ahead_us, COLUMNS FROM capture WHERE id >= ? AND id < ?"
_OF_KIND = (
    "SELECT id, ahead_us, COLUMNS FROM capture INDEXED BY capture_by_kind"
    " WHERE kind = ? AND id >= ? AND id < ?"
)
_OF_SESSION = (
    "SELECT id, ahead_us, COLUMNS FROM capture INDEXED BY capture_by_session"
    " WHERE session = ? AND kind = ? AND id >= ? AND id < ?"
)
_NEWEST_FIRST = " ORDER BY id DESC"


@dataclass(frozen=True, slots=True)
class Filter:
    """Which captures; None does not narrow.

    Attributes:
        session: Id of their session.
        kind: Frames or snapshots.
        since_us: Taken then or later, in microseconds since 1970.
        until_us: Taken before that.
    """

    session: str | None = None
    kind: CaptureKind | None = None
    since_us: int | None = None
    until_us: int | None = None

    def has(self, taken_us: int) -> bool:
        """Whether a picture that was taken then lies between the two times."""
        return (self.since_us is None or taken_us >= self.since_us) and (
            self.until_us is None or taken_us < self.until_us
        )

    def ids(self, tally: Tally) -> Ids:
        """Where the pictures lie that may fit; those beyond it certainly do not."""
        first = FIRST_ID if self.since_us is None else self.since_us
        end = END_ID if self.until_us is None else self.until_us + tally.ahead_us
        return first, end


def walk(
    database: Database, columns: str, which: Filter, ids: Ids, page: int = PAGE
) -> Iterator[Row]:
    """Yield the rows that fit, newest first: id, `ahead_us`, and the `columns`.

    Others can write between two pages: what they add is not found, what they remove not either.

    Args:
        database: Where to read.
        columns: Of the table `capture`, separated by commas.
        which: The filter.
        ids: Where to look.
        page: Rows of the first page; the following ones are larger, up to `PAGE`.
    """
    first, end = ids
    while end > first:
        sql, values = query(columns, which, (first, end))
        rows = database.rows(f"{sql} LIMIT ?", (*values, page))
        yield from (row for row in rows if which.has(row[0] - row[1]))
        end = rows[-1][0] if len(rows) == page else first
        page = min(2 * page, PAGE)


def query(columns: str, which: Filter, ids: Ids) -> tuple[str, Values]:
    """The statement that walks one index backwards over a range of ids: SQLite never sorts."""
    values: Values
    if which.session is None and which.kind is None:
        parts, values = [_OF_ALL], ids
    elif which.session is None and which.kind is not None:
        parts, values = [_OF_KIND], (KINDS[which.kind], *ids)
    else:  # of both kinds: two walks, merged
        kinds = (KINDS[which.kind],) if which.kind else KINDS.values()
        parts = [_OF_SESSION] * len(kinds)
        values = [value for kind in kinds for value in (which.session, kind, *ids)]
    return " UNION ALL ".join(parts).replace("COLUMNS", columns) + _NEWEST_FIRST, values
