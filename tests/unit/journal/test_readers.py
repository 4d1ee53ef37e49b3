"""Readers: the journal knows how far each has got, and what it holds."""

import json
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest

from cinepi.capture.removal import remove
from cinepi.capture.store import Store
from cinepi.clock import SystemClock
from cinepi.errors import InvalidArgumentError
from cinepi.journal.journal import Journal
from cinepi.journal.readers import MOST, Reader
from cinepi.model.events import CaptureStored
from tests.unit.journal.test_captures import capture


def store(journal: Journal, *numbers: int, is_found: bool = False) -> None:
    """Add pictures, each with the event that tells of it."""
    for number in numbers:
        with journal.transaction() as tx:
            tx.add_capture(capture(number), is_found=is_found)
            tx.append(CaptureStored(**{f: getattr(capture(number), f) for f in FIELDS}))


FIELDS = CaptureStored.__struct_fields__


def oldest(journal: Journal, limit: int = 10) -> list[int]:
    """Numbers of the pictures in the order in which they would be deleted."""
    names = {capture(number).filename: number for number in range(100)}
    return [names[name] for name, _ in islice(journal.oldest_captures(), limit)]


def advance(journal: Journal, name: str, seq: int, *, holds: bool | None = None) -> None:
    """Note it durably."""
    with journal.transaction() as tx:
        tx.advance(name, seq, holds=holds)


def test_a_reader_is_where_it_was(reopen: Callable[..., Journal]) -> None:
    """Also after a restart; a name that nobody has used is none."""
    journal = reopen()
    advance(journal, "upload", 3, holds=True)
    advance(journal, "upload", 5)
    journal.has_read("mqtt", 7)
    assert journal.reader("mqtt") == Reader(seq=7)
    journal = reopen()
    assert journal.reader("upload") == Reader(seq=5, holds=True)
    assert journal.reader("mqtt") == Reader(seq=7)
    assert journal.reader("film") is None
    journal.has_read("mqtt", 0)
    assert journal.reader("mqtt") == Reader(seq=0)


def test_reading_does_not_wait_for_the_disk(path: Path, journal: Journal) -> None:
    """How far a reader has got goes with the next transaction, not by itself."""
    store(journal, 1)
    log = path.with_name(path.name + "-wal")
    before = log.stat().st_size
    for seq in range(50):
        journal.has_read("mqtt", seq)
    assert log.stat().st_size == before
    store(journal, 2)
    assert journal.reader("mqtt") == Reader(seq=49)


def test_what_is_held_goes_last(journal: Journal) -> None:
    """Of pictures to be deleted, those go first that every holding reader has done with."""
    store(journal, 3, 4, 1, 2, is_found=True)
    advance(journal, "mqtt", 1)
    assert oldest(journal) == [1, 2, 3, 4]
    advance(journal, "upload", 2, holds=True)
    advance(journal, "film", 3, holds=True)
    assert oldest(journal) == [3, 4, 1, 2]
    advance(journal, "upload", 4)
    assert oldest(journal) == [1, 3, 4, 2]
    assert oldest(journal, 2) == [1, 3]
    advance(journal, "film", 0)
    assert oldest(journal) == [1, 2, 3, 4]


def test_an_old_picture_that_is_found_is_held_too(journal: Journal) -> None:
    """It is told of now, though it is the first in the order of taking."""
    store(journal, 20, 21)
    advance(journal, "upload", 1, holds=True)
    with journal.transaction() as tx:
        tx.add_capture(capture(5), is_found=True)
    assert oldest(journal) == [20, 5, 21]


def test_who_is_overruled_is_told(tmp_path: Path, journal: Journal) -> None:
    """With the event of the deletion, which every reader reads; nobody where nothing is held."""
    pictures = Store(tmp_path / "captures", SystemClock())
    pictures.folder.mkdir()
    store(journal, 1, 2, 3)
    advance(journal, "mqtt", 0)
    advance(journal, "upload", 1, holds=True)
    advance(journal, "film", 3, holds=True)
    remove(pictures, journal, [capture(1).filename], "make_room")
    remove(pictures, journal, [capture(2).filename], "make_room")
    told = [json.loads(bytes(entry.data)) for entry in journal.events(3, 10).events]
    assert [event.get("overruled") for event in told] == [None, ["upload"]]


def test_readers_have_a_bound(journal: Journal) -> None:
    """A client that made up names would make every transaction longer."""
    for number in range(MOST):
        journal.has_read(f"reader-{number}", 1)
    with pytest.raises(InvalidArgumentError):
        journal.has_read("one-more", 1)
    journal.has_read("reader-0", 2)
    store(journal, 1)
    assert journal.reader("reader-0") == Reader(seq=2)
