from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cinepi.clock import SystemClock, parse_time, rfc3339
from cinepi.errors import ConflictError, InvalidArgumentError
from cinepi.journal.captures import Filter, matching, query
from cinepi.journal.database import Database
from cinepi.journal.journal import Journal
from cinepi.model.documents import CaptureDocument, CaptureKind
from cinepi.protocol import CapturesListParams

START = 1_700_000_000


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
    assert journal.captures(CapturesListParams()).captures == (picture,)
    assert journal.capture_totals() == (1, picture.size)
    assert journal.capture("cinepi_20231114_999999.jpg") is None


def test_an_empty_index_has_nothing(journal: Journal) -> None:
    """Every question has an answer before the first picture."""
    everything = CapturesListParams(since="1970-01-01T00:00:00Z", kind="frame", before="x")
    assert journal.captures(everything).captures == ()
    assert journal.newest_capture() is None
    assert journal.matching_captures() == ()
    assert journal.oldest_captures(5) == ()
    assert journal.capture_names() == set()
    assert journal.capture_totals() == (0, 0)


def test_pages_meet_every_picture_once(journal: Journal) -> None:
    """Following `next` to its end lists all pictures, newest first; the last page has no next."""
    add(journal, *map(capture, range(25)))
    seen: list[str] = []
    before = None
    while True:
        page = journal.captures(CapturesListParams(limit=10, before=before))
        seen += [one.filename for one in page.captures]
        before = page.next
        if before is None:
            break
    assert seen == [capture(number).filename for number in reversed(range(25))]


def test_paging_goes_on_from_a_picture_that_is_gone(journal: Journal) -> None:
    """Where the file named by `before` was deleted meanwhile, the next page starts below it."""
    add(journal, *map(capture, range(10)))
    page = journal.captures(CapturesListParams(limit=3))
    assert page.next == capture(7).filename
    with journal.transaction() as transaction:
        transaction.remove_captures([page.next, capture(6).filename])
    following = journal.captures(CapturesListParams(limit=3, before=page.next))
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
    found = matching(database, which, [(1, count + 1)])
    names = [next(found)[0]]
    database.execute("DELETE FROM capture WHERE id <= 2")
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
    assert journal.oldest_captures(1) == ((capture(1).filename, 1001),)
    add(journal, capture(3))
    assert journal.capture_totals() == (3, 3006)


def test_a_wrong_time_is_named(journal: Journal) -> None:
    """A filter that is no time is the caller's mistake, with its field."""
    with pytest.raises(InvalidArgumentError) as raised:
        journal.captures(CapturesListParams(until="tomorrow"))
    assert raised.value.field == "/until"


def test_the_newest_comes_first_though_the_clock_went_back(journal: Journal) -> None:
    """A picture taken after a reboot without a clock is the newest, and found by its own time."""
    add(journal, capture(1), capture(2, at=0.0), capture(3, at=5.0), capture(4))
    everything = journal.captures(CapturesListParams()).captures
    assert [one.frame for one in everything] == [4, 3, 2, 1]
    early = journal.captures(CapturesListParams(until="1980-01-01T00:00:00Z")).captures
    assert [one.frame for one in early] == [3, 2]
    late = journal.captures(CapturesListParams(since="1980-01-01T00:00:00Z")).captures
    assert [one.frame for one in late] == [4, 1]


Times = st.integers(0, 60)
KINDS: st.SearchStrategy[CaptureKind] = st.sampled_from(["frame", "snapshot"])
SESSIONS = st.sampled_from(["a", "b", None])
EVERY_FILTER = st.fixed_dictionaries(
    {},
    optional={
        "session": st.sampled_from(["a", "b", "c"]),
        "kind": KINDS,
        "since": Times.map(rfc3339),
        "until": Times.map(rfc3339),
    },
)


@settings(max_examples=60, deadline=None)
@given(
    pictures=st.lists(st.tuples(Times, KINDS, SESSIONS), max_size=40),
    removed=st.sets(st.integers(0, 39)),
    filters=st.lists(EVERY_FILTER, min_size=5, max_size=5),
    page=st.tuples(st.integers(1, 12), st.none() | st.integers(0, 39)),
)
def test_every_filter_finds_what_a_plain_search_finds(
    tmp_path_factory: pytest.TempPathFactory,
    pictures: list[tuple[int, CaptureKind, str | None]],
    removed: set[int],
    filters: list[dict[str, Any]],
    page: tuple[int, int | None],
) -> None:
    """For any pictures, clock steps and deletions, lists equal those of a search through all."""
    folder: Path = tmp_path_factory.mktemp("journal")
    journal = Journal(folder / "journal.db", clock=SystemClock(), boot="0badcafe")
    taken = [
        capture(number, at=at, kind=kind, session=session)
        for number, (at, kind, session) in enumerate(pictures)
    ]
    add(journal, *taken)
    with journal.transaction() as transaction:
        transaction.remove_captures(capture(number).filename for number in removed)
    kept = [one for number, one in enumerate(taken) if number not in removed]
    limit, before = page
    end = None if before is None else capture(before).filename
    for chosen in filters:
        expected = [one for one in reversed(kept) if _fits(one, **chosen)]
        found = journal.matching_captures(**chosen)
        assert found == tuple((one.filename, one.size) for one in expected)
        listed = journal.captures(CapturesListParams(limit=limit, before=end, **chosen))
        older = [one for one in expected if end is None or one.filename < end]
        assert listed.captures == tuple(older[:limit])
        assert listed.next == (older[limit - 1].filename if len(older) > limit else None)
    journal.close()


def _fits(
    one: CaptureDocument,
    *,
    session: str | None = None,
    kind: str | None = None,
    since: str | None = None,
    until: str | None = None,
) -> bool:
    taken = parse_time(one.taken_at, "")
    return (
        session in (None, one.session)
        and kind in (None, one.kind)
        and (since is None or taken >= parse_time(since, ""))
        and (until is None or taken < parse_time(until, ""))
    )


@pytest.mark.parametrize("session", [None, "a"])
@pytest.mark.parametrize("kind", [None, "frame", "snapshot"])
@pytest.mark.parametrize("columns", ["document", "filename, size"])
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
