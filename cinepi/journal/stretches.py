"""From times to captures: which row ids were taken between two times, without an index on time.

Ids grow in the order of taking, and so do times, except where the wall clock was set back. Between
two such steps lies a stretch in which a time is found by bisection: some 20 look-ups in a million
captures, where an index would cost one page more in every frame's transaction.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cinepi.journal.database import Database
from cinepi.journal.tally import Tally

Ids = tuple[int, int]
"""A range of row ids: the first, and the one after the last."""


@dataclass(frozen=True, slots=True)
class Step:
    """A place where time went back.

    Attributes:
        first_id: The first capture after it.
        first_us: When that one was taken, in microseconds since 1970.
        before_us: When the one before was taken; greater than `first_us`.
    """

    first_id: int
    first_us: int
    before_us: int


def load_steps(database: Database) -> tuple[Step, ...]:
    """All steps, oldest first; one for every time that the clock was set back."""
    rows = database.rows("SELECT first_id, first_us, before_us FROM stretch ORDER BY first_id")
    return tuple(Step(*row) for row in rows)


def ids_between(
    database: Database,
    steps: Sequence[Step],
    tally: Tally,
    since_us: int | None,
    until_us: int | None,
) -> Iterator[Ids]:
    """Yield the ranges of ids that hold all captures of since <= time < until, newest first."""
    since = -math.inf if since_us is None else since_us
    until = math.inf if until_us is None else until_us
    end, newest_us = tally.last_capture + 1, tally.last_taken_us
    for step in reversed(steps):
        if step.first_us < until and newest_us >= since:
            yield _bisected(database, (step.first_id, end), since, until)
        end, newest_us = step.first_id, step.before_us
    if newest_us >= since:
        yield _bisected(database, (1, end), since, until)


def _bisected(database: Database, ids: Ids, since: float, until: float) -> Ids:
    return _first_at_or_after(database, ids, since), _first_at_or_after(database, ids, until)


def _first_at_or_after(database: Database, ids: Ids, time_us: float) -> int:
    """The least id from which on all captures of a stretch were taken at `time_us` or later."""
    low, high = ids
    if time_us == -math.inf:
        return low
    if time_us == math.inf:
        return high
    while low < high:
        middle = (low + high) // 2
        found = database.rows(
            "SELECT id, taken_us FROM capture WHERE id >= ? AND id < ? ORDER BY id LIMIT 1",
            (middle, high),
        )
        if not found or found[0][1] >= time_us:
            high = middle
        else:
            low = found[0][0] + 1
    return low
