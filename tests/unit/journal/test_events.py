import sqlite3
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cinepi.clock import SystemClock
from cinepi.envelope import MAX_LINE
from cinepi.errors import InternalError
from cinepi.journal.events import LONGEST
from cinepi.journal.journal import Journal
from cinepi.journal.paging import PAGE_BYTES
from cinepi.model.events import (
    CameraLost,
    CaptureDeleted,
    ClockStepped,
    JournalEntry,
    StorageRecovered,
)


def append(journal: Journal, count: int = 1, *, text: str = "gone") -> None:
    """Append events, each in its own transaction."""
    for _ in range(count):
        with journal.transaction() as transaction:
            transaction.append(CameraLost(message=text, rung="reopen"))


def fail(journal: Journal, effect: Callable[[], None] = lambda: None) -> None:
    """Write several things, and fail before the end of the block."""
    with journal.transaction() as transaction:
        transaction.on_commit(effect)
        transaction.append(StorageRecovered(free_bytes=1))
        transaction.set_value("key", "value")
        raise ZeroDivisionError


def nest(journal: Journal) -> None:
    """Begin a transaction inside another one."""
    with journal.transaction() as transaction:
        transaction.append(StorageRecovered(free_bytes=1))
        with journal.transaction():
            pass


def test_events_come_back_in_order_with_all_they_said(journal: Journal) -> None:
    """A reader gets each event with seq, type, boot, time and the event itself as JSON."""
    with journal.transaction() as transaction:
        assert transaction.append(CameraLost(message="unplugged", rung="reopen")) == 1
        assert transaction.append(ClockStepped(step_s=3600.0, synced=True)) == 2
    lost, stepped = journal.events(0, 100).events
    assert (lost.seq, lost.type, lost.boot) == (1, "camera_lost", "0badcafe")
    assert lost.at.endswith("Z")
    assert msgspec.json.decode(stepped.data) == {
        "type": "clock_stepped",
        "step_s": 3600.0,
        "synced": True,
    }


def test_a_reader_goes_on_after_its_cursor(journal: Journal) -> None:
    """Reading after a seq, some at a time, meets every event once."""
    append(journal, 7)
    first = journal.events(0, 3)
    rest = journal.events(first.events[-1].seq, 100)
    assert [entry.seq for entry in first.events + rest.events] == [1, 2, 3, 4, 5, 6, 7]
    assert (first.last, first.lost, journal.depth(3)) == (7, 0, 4)
    assert journal.events(7, 100).events == ()
    assert journal.depth(99) == 0


def test_a_block_that_fails_leaves_no_trace(journal: Journal) -> None:
    """After an exception in the block nothing was written, and its seq goes to the next event."""
    append(journal)
    with pytest.raises(ZeroDivisionError):
        fail(journal)
    assert (journal.last_seq, journal.value("key")) == (1, None)
    append(journal)
    assert [entry.seq for entry in journal.events(0, 9).events] == [1, 2]


def test_listeners_hear_the_newest_seq_after_the_commit(journal: Journal) -> None:
    """A listener is called once for each transaction with events, when they can be read."""
    heard: list[tuple[int, int]] = []
    journal.on_append(lambda seq: heard.append((seq, len(journal.events(0, 100).events))))
    with journal.transaction() as transaction:
        transaction.append(StorageRecovered(free_bytes=1))
        transaction.append(StorageRecovered(free_bytes=2))
    with journal.transaction() as transaction:
        transaction.set_value("quiet", "yes")
    with pytest.raises(ZeroDivisionError):
        fail(journal)
    append(journal)
    assert heard == [(2, 2), (3, 3)]


def test_effects_follow_the_commit_and_only_that(journal: Journal) -> None:
    """What waits for the commit happens once it is on the disk, and not where it was undone."""
    happened: list[int] = []
    with journal.transaction() as transaction:
        transaction.append(StorageRecovered(free_bytes=1))
        transaction.on_commit(lambda: happened.append(journal.last_seq))
        assert happened == []
    with pytest.raises(ZeroDivisionError):
        fail(journal, lambda: happened.append(2))
    assert happened == [1]


def test_transactions_do_not_nest(journal: Journal) -> None:
    """A transaction inside another one is an error in words, and undoes both."""
    with pytest.raises(InternalError, match="inside another"):
        nest(journal)
    assert journal.last_seq == 0


def test_seq_goes_on_over_restarts_and_pruning(reopen: Callable[..., Journal]) -> None:
    """No seq comes twice, even where only the newest event is kept."""
    journal = reopen(max_rows=1)
    append(journal, 5)
    journal = reopen(max_rows=1)
    append(journal)
    result = journal.events(0, 100)
    assert [entry.seq for entry in result.events] == [6]
    assert (result.lost, result.last) == (5, 6)


def test_bytes_are_bounded(reopen: Callable[..., Journal]) -> None:
    """Large events push out old ones, and the newest stays even if it is too large alone."""
    journal = reopen(max_bytes=10_000)
    append(journal, 30, text="x" * 1000)
    kept = journal.events(0, 100)
    assert len(kept.events) + kept.lost == 30
    assert 5 <= len(kept.events) <= 10
    append(journal, 1, text="x" * 20_000)
    assert [entry.seq for entry in journal.events(0, 100).events] == [31]


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    max_rows=st.integers(1, 400),
    batches=st.lists(st.integers(1, 90), min_size=1, max_size=8),
    after=st.integers(0, 800),
)
def test_lost_is_exact(
    tmp_path_factory: pytest.TempPathFactory, max_rows: int, batches: list[int], after: int
) -> None:
    """Whatever was pruned, the events read and those lost add up to those that ever were."""
    folder: Path = tmp_path_factory.mktemp("journal")
    journal = Journal(
        folder / "journal.db", clock=SystemClock(), boot="0badcafe", max_rows=max_rows
    )
    for batch in batches:
        with journal.transaction() as transaction:
            for number in range(batch):
                transaction.append(StorageRecovered(free_bytes=number))
    total = sum(batches)
    result = journal.events(after, 1000)
    journal.close()
    assert result.last == total
    assert len(result.events) + result.lost == max(0, total - after)
    assert len(result.events) <= max_rows
    if after == 0:
        assert len(result.events) > min(total, max_rows) * 0.98 - 1


def spoil(path: Path, sql: str, *values: object) -> None:
    """Change what the disk returns, behind the journal's back."""
    with sqlite3.connect(path) as connection:
        connection.execute(sql, values)
    connection.close()


def read_all(journal: Journal) -> list[JournalEntry]:
    """Page by page, as a reader does."""
    found: list[JournalEntry] = []
    while page := journal.events(found[-1].seq if found else 0, 500).events:
        assert sum(len(bytes(entry.data)) for entry in page) <= PAGE_BYTES
        found += page
    return found


def test_a_reader_gets_past_an_event_that_no_line_holds(
    path: Path, reopen: Callable[..., Journal]
) -> None:
    """As earlier versions have written: it is told by seq, type and length, and the next follow."""
    journal = reopen()
    append(journal, 3)
    journal.close()
    names = {"type": "capture_deleted", "filenames": ["cinepi_20260101_000000.jpg"] * 160_000}
    long = msgspec.json.encode(names)
    assert len(long) > MAX_LINE
    spoil(path, "UPDATE event SET type = ?, data = ? WHERE seq = 2", "capture_deleted", long)
    found = read_all(reopen())
    assert [entry.seq for entry in found] == [1, 2, 3]
    assert found[1].type == "event_omitted"
    assert msgspec.json.decode(found[1].data) == {
        "type": "event_omitted",
        "omitted": "capture_deleted",
        "size_bytes": len(long),
        "reason": "too_long",
    }


def test_an_event_that_is_too_long_fails_nothing(journal: Journal) -> None:
    """What is written beside it is there, and the event stands there without its content."""
    with journal.transaction() as transaction:
        seq = transaction.append(CaptureDeleted(filenames=("x" * 100,) * 1000, reason="missing"))
        transaction.set_value("beside", "it")
    [entry] = read_all(journal)
    assert (entry.seq, entry.type) == (seq, "event_omitted")
    assert b'"omitted":"capture_deleted"' in bytes(entry.data)
    assert journal.value("beside") == "it"


def test_long_events_come_in_short_pages(journal: Journal) -> None:
    """A page ends where it is full, and the next one goes on behind it."""
    append(journal, 60, text="x" * (LONGEST - 100))
    page = journal.events(0, 500)
    assert 10 < len(page.events) < 20
    assert page.last == 60
    assert [entry.seq for entry in read_all(journal)] == list(range(1, 61))


def test_an_event_that_the_disk_returns_damaged_costs_itself(
    path: Path, reopen: Callable[..., Journal]
) -> None:
    """Its place in the order is told, and the others are what they were."""
    journal = reopen()
    append(journal, 4)
    journal.close()
    spoil(path, "UPDATE event SET data = X'7b22747970FF' WHERE seq = 2")
    spoil(path, "UPDATE event SET at = 1e300, boot = CAST(X'30FF' AS TEXT) WHERE seq = 3")
    found = read_all(reopen())
    assert [entry.type for entry in found] == [
        "camera_lost",
        "event_omitted",
        "camera_lost",
        "camera_lost",
    ]
    assert b'"unreadable"' in bytes(found[1].data)
    assert found[2].at == "1970-01-01T00:00:00.000Z"
