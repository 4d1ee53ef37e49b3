import math
import sqlite3
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cinepi.clock import SystemClock, parse_time, rfc3339
from cinepi.errors import ConflictError, InvalidArgumentError
from cinepi.journal.captures import matching, microseconds
from cinepi.journal.database import Database
from cinepi.journal.filter import END_ID, FIRST_ID, Filter, query
from cinepi.journal.journal import Journal
from cinepi.model.documents import CaptureDocument, CaptureFile, CaptureKind
from cinepi.model.exposures import Achieved, TakenExposure

START = 1_700_000_000
SECOND = 1_000_000
YEAR_1980 = 315_532_800 * SECOND


def capture(number: int, *, at: float | None = None, **fields: Any) -> CaptureDocument:
    """A picture whose name ends in `number`."""
    return CaptureDocument(
        **{
            "filename": f"cinepi_20231114_{number:06}.jpg",
            "path": f"/captures/cinepi_20231114_{number:06}.jpg",
            "size": 1000 + number,
            "sha256": "0" * 64,
            "taken_at": rfc3339(START + number if at is None else at),
            "width": 4056,
            "height": 3040,
            "kind": "frame",
            "session": "20231114_221320_abcd",
            "frame": number,
            **fields,
        }
    )


def add(journal: Journal, *captures: CaptureDocument) -> None:
    """Add pictures in one transaction."""
    with journal.transaction() as transaction:
        for one in captures:
            transaction.add_capture(one)


def test_a_picture_comes_back_as_it_was_added(reopen: Callable[..., Journal]) -> None:
    """By name, as the newest, and in the list, also after a restart."""
    picture = capture(1, late_ms=0.25, clock_synced=False)
    add(reopen(), picture)
    journal = reopen()
    assert journal.capture(picture.filename) == picture
    assert journal.newest_capture() == picture
    assert journal.captures(Filter()).captures == (picture,)
    assert journal.capture_totals() == (1, picture.size)
    assert journal.capture("cinepi_20231114_999999.jpg") is None


def test_a_row_says_only_what_is_known(path: Path, reopen: Callable[..., Journal]) -> None:
    """Three fit into a page of the database; a 0 is something that is known, as is every list."""
    bare = capture(1, achieved=Achieved(iso=100))
    full = capture(
        2,
        session=None,
        frame=None,
        late_ms=0.0,
        level_ev=0.0,
        quality=0,
        clock_synced=False,
        files=(CaptureFile(filename="a.dng", size=1, sha256=""),),
        exposures=(TakenExposure(), TakenExposure(level_ev=-1.0)),
    )
    journal = reopen()
    add(journal, bare, full)
    assert journal.captures(Filter()).captures == (full, bare)
    journal.close()
    connection = sqlite3.connect(path)
    [(raw,)] = connection.execute("SELECT document FROM capture ORDER BY id LIMIT 1")
    connection.close()
    assert b"null" not in raw
    assert b"[]" not in raw
    assert b'"achieved":{"iso":100}' in raw


def test_an_empty_index_has_nothing(journal: Journal) -> None:
    """Every question has an answer before the first picture."""
    assert journal.captures(Filter(since_us=0, kind="frame"), before="x").captures == ()
    assert journal.newest_capture() is None
    assert journal.matching_captures(Filter()) == ()
    assert list(journal.oldest_captures()) == []
    assert journal.capture_names() == set()
    assert journal.capture_totals() == (0, 0)


def test_pages_meet_every_picture_once(journal: Journal) -> None:
    """Following `next` to its end lists all pictures, newest first; the last page has no next."""
    add(journal, *map(capture, range(25)))
    seen: list[str] = []
    before = None
    while True:
        page = journal.captures(Filter(), before=before, limit=10)
        seen += [one.filename for one in page.captures]
        before = page.next
        if before is None:
            break
    assert seen == [capture(number).filename for number in reversed(range(25))]


def test_paging_goes_on_from_a_picture_that_is_gone(journal: Journal) -> None:
    """Where the file named by `before` was deleted meanwhile, the next page starts below it."""
    add(journal, *map(capture, range(10)))
    page = journal.captures(Filter(), limit=3)
    assert page.next == capture(7).filename
    with journal.transaction() as transaction:
        transaction.remove_captures([page.next, capture(6).filename])
    following = journal.captures(Filter(), before=page.next, limit=3)
    assert [one.frame for one in following.captures] == [5, 4, 3]


@pytest.mark.parametrize("count", [2000, 2001])
@pytest.mark.parametrize(
    "which", [Filter(), Filter(kind="frame"), Filter(session="20231114_221320_abcd")]
)
def test_others_can_write_while_all_are_searched(
    journal: Journal, path: Path, count: int, which: Filter
) -> None:
    """However many fit, they are read a page at a time: what goes meanwhile is not found."""
    add(journal, *(capture(number) for number in range(count)))
    journal.close()
    database = Database(path)
    found = matching(database, which, (FIRST_ID, END_ID))
    names = [next(found)[0]]
    database.execute("DELETE FROM capture WHERE id IN (SELECT id FROM capture ORDER BY id LIMIT 2)")
    names += [name for name, _ in found]
    database.close()
    assert names == [capture(number).filename for number in range(count - 1, 1, -1)]


def test_a_name_is_taken_once(journal: Journal) -> None:
    """A second picture of the same name is a conflict, after which the transaction can go on."""
    with journal.transaction() as transaction:
        transaction.add_capture(capture(1))
        with pytest.raises(ConflictError) as raised:
            transaction.add_capture(capture(1))
        transaction.add_capture(capture(2))
    assert raised.value.field == "/filename"
    assert journal.capture_totals() == (2, 2003)


def test_totals_follow_what_is_removed(reopen: Callable[..., Journal]) -> None:
    """Removed pictures leave list and totals; unknown names change nothing."""
    journal = reopen()
    add(journal, *map(capture, range(4)))
    with journal.transaction() as transaction:
        transaction.remove_captures([capture(0).filename, capture(3).filename, "unknown.jpg"])
    journal = reopen()
    assert journal.capture_totals() == (2, 2003)
    assert journal.capture_names() == {capture(1).filename, capture(2).filename}
    assert next(journal.oldest_captures()) == (capture(1).filename, 1001)
    add(journal, capture(3))
    assert journal.capture_totals() == (3, 3006)


def test_a_wrong_time_is_named() -> None:
    """A time that is none is the caller's mistake, with its field."""
    with pytest.raises(InvalidArgumentError) as raised:
        microseconds("tomorrow", "/until")
    assert raised.value.field == "/until"


def test_the_newest_comes_first_though_the_clock_went_back(journal: Journal) -> None:
    """A picture taken after a reboot without a clock is the newest, and found by its own time."""
    add(journal, capture(1), capture(2, at=0.0), capture(3, at=5.0), capture(4))
    everything = journal.captures(Filter()).captures
    assert [one.frame for one in everything] == [4, 3, 2, 1]
    early = journal.captures(Filter(until_us=YEAR_1980)).captures
    assert [one.frame for one in early] == [3, 2]
    late = journal.captures(Filter(since_us=YEAR_1980)).captures
    assert [one.frame for one in late] == [4, 1]


def test_what_is_found_takes_the_place_of_its_time(reopen: Callable[..., Journal]) -> None:
    """Not that of the newest, and it goes in its turn; a later one follows the newest as before."""
    journal = reopen()
    add(journal, capture(10), capture(30))
    with journal.transaction() as transaction:
        for number in (20, 5, 99):
            transaction.add_capture(capture(number), is_found=True)
    assert journal.newest_capture() == capture(30)
    assert [name for name, _ in islice(journal.oldest_captures(), 2)] == [
        capture(5).filename,
        capture(10).filename,
    ]
    add(journal, capture(31))
    assert journal.newest_capture() == capture(31)
    journal = reopen()
    everything = journal.captures(Filter()).captures
    assert [one.frame for one in everything] == [99, 31, 30, 20, 10, 5]


def test_many_found_of_one_moment_lie_side_by_side(journal: Journal) -> None:
    """Each has a place of its own, in the order in which they were added."""
    add(journal, capture(0))
    with journal.transaction() as transaction:
        for number in range(1, 200):
            transaction.add_capture(capture(number, at=START), is_found=True)
    found = journal.captures(Filter(since_us=START * SECOND), limit=500).captures
    assert [one.frame for one in found] == list(reversed(range(200)))


def test_where_all_were_found_the_last_by_time_is_the_newest(journal: Journal) -> None:
    """As after the journal was lost: until another one is taken."""
    with journal.transaction() as transaction:
        transaction.add_capture(capture(9), is_found=True)
        transaction.add_capture(capture(8), is_found=True)
    assert journal.newest_capture() == capture(9)


def test_an_entry_that_is_not_understood_costs_itself(
    path: Path, reopen: Callable[..., Journal]
) -> None:
    """The list goes on behind it, with as many as were asked for."""
    journal = reopen()
    add(journal, *map(capture, range(5)))
    journal.close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE capture SET document = X'7bff' WHERE stem LIKE '%3'")
    connection.close()
    journal = reopen()
    page = journal.captures(Filter(), limit=2)
    assert [one.frame for one in page.captures] == [4, 2]
    assert [one.frame for one in journal.captures(Filter(), before=page.next).captures] == [1, 0]
    assert journal.capture(capture(3).filename) is None
    assert journal.capture_totals()[0] == 5


def test_a_wrong_byte_in_a_name_costs_that_name(path: Path, reopen: Callable[..., Journal]) -> None:
    """The others are listed, and the start goes on with them."""
    journal = reopen()
    add(journal, capture(1), capture(2))
    journal.close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE capture SET stem = CAST(X'63FF' AS TEXT) WHERE stem LIKE '%1'")
    connection.close()
    names = reopen().capture_names()
    assert capture(2).filename in names
    assert len(names) == 2


TIMES = st.integers(0, 60)
KINDS: st.SearchStrategy[CaptureKind] = st.sampled_from(["frame", "snapshot"])
SESSIONS = st.sampled_from(["a", "b", None])
EVERY_FILTER = st.fixed_dictionaries(
    {},
    optional={
        "session": st.sampled_from(["a", "b", "c"]),
        "kind": KINDS,
        "since_us": TIMES.map(lambda second: second * SECOND),
        "until_us": TIMES.map(lambda second: second * SECOND),
    },
)


@settings(max_examples=80, deadline=None)
@given(
    pictures=st.lists(st.tuples(TIMES, KINDS, SESSIONS, st.booleans()), max_size=40),
    removed=st.sets(st.integers(0, 39)),
    filters=st.lists(EVERY_FILTER, min_size=5, max_size=5),
    page=st.tuples(st.integers(1, 12), st.none() | st.integers(0, 39)),
)
def test_every_filter_finds_what_a_plain_search_finds(
    tmp_path_factory: pytest.TempPathFactory,
    pictures: list[tuple[int, CaptureKind, str | None, bool]],
    removed: set[int],
    filters: list[dict[str, Any]],
    page: tuple[int, int | None],
) -> None:
    """For any pictures, taken or found, clock steps and deletions: as by a search through all."""
    folder: Path = tmp_path_factory.mktemp("journal")
    journal = Journal(folder / "journal.db", clock=SystemClock(), boot="0badcafe")
    places: dict[int, CaptureDocument] = {}
    newest = 0
    with journal.transaction() as transaction:
        for number, (at, kind, session, is_found) in enumerate(pictures):
            one = capture(number, at=at, kind=kind, session=session)
            transaction.add_capture(one, is_found=is_found)
            place = at * SECOND if is_found else max(at * SECOND, newest + 1)
            while place in places:
                place += 1
            places[place] = one
            newest = newest if is_found else place
    with journal.transaction() as transaction:
        transaction.remove_captures(capture(number).filename for number in removed)
    kept = {at: one for at, one in sorted(places.items()) if one.frame not in removed}
    until_now = [one for at, one in kept.items() if at <= newest]
    in_order = until_now or list(kept.values())
    assert journal.newest_capture() == (in_order[-1] if in_order else None)
    limit, last = page
    before = None if last is None else capture(last).filename
    for chosen in filters:
        fitting = {at: one for at, one in reversed(kept.items()) if _fits(one, **chosen)}
        found = journal.matching_captures(Filter(**chosen))
        assert found == tuple((one.filename, one.size) for one in fitting.values())
        listed = journal.captures(Filter(**chosen), before=before, limit=limit)
        end = _end(kept, before)
        older = [one for at, one in fitting.items() if at < end]
        assert listed.captures == tuple(older[:limit])
        assert listed.next == (older[limit - 1].filename if len(older) > limit else None)
    journal.close()


def _end(kept: dict[int, CaptureDocument], before: str | None) -> float:
    """The place below which pictures are older than a file, or than the one named before it."""
    if before is None:
        return math.inf
    names = {one.filename: at for at, one in kept.items()}
    if before in names:
        return names[before]
    return max(((name, at + 1) for name, at in names.items() if name < before), default=("", 0))[1]


def _fits(
    one: CaptureDocument,
    *,
    session: str | None = None,
    kind: str | None = None,
    since_us: int | None = None,
    until_us: int | None = None,
) -> bool:
    taken = parse_time(one.taken_at, "") * SECOND
    return (
        session in (None, one.session)
        and kind in (None, one.kind)
        and (since_us is None or taken >= since_us)
        and (until_us is None or taken < until_us)
    )


@pytest.mark.parametrize("session", [None, "a"])
@pytest.mark.parametrize("kind", [None, "frame", "snapshot"])
@pytest.mark.parametrize("columns", ["document", "stem || suffix, size"])
def test_no_list_scans_or_sorts(
    path: Path, columns: str, session: str | None, kind: CaptureKind | None
) -> None:
    """SQLite's plan for every filter is a search in an index, without scan and without sorting."""
    path.parent.mkdir()
    database = Database(path)
    sql, values = query(columns, Filter(session=session, kind=kind), (10, 20))
    plan = [row[3] for row in database.rows(f"EXPLAIN QUERY PLAN {sql} LIMIT 50", values)]
    database.close()
    assert any(step.startswith("SEARCH capture USING") for step in plan)
    assert not [step for step in plan if "SCAN" in step or "TEMP" in step]
