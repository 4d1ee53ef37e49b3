"""Folder and index become one again: in steps, and old pictures stay old."""

import json
from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from cinepi.capture import removal
from cinepi.capture.adopted import Adopted
from cinepi.capture.reconcile import CutShort, reconcile
from cinepi.capture.removal import MOST_NAMES
from cinepi.capture.shot import Order
from cinepi.capture.store import Store
from cinepi.capture.take import Taker
from cinepi.envelope import Command
from cinepi.journal.journal import Journal
from cinepi.model.settings import CaptureSettings
from tests.unit.camera.bench import Bench
from tests.unit.journal.test_captures import add, capture

SESSION = "20261123_093000_ab12"
COMMAND = Command(id="one", fingerprint="same")


@pytest.fixture
def picture(bench: Bench, tmp_path: Path) -> Iterator[Callable[[Order], bytes]]:
    """Makes the bytes of a picture, as another device would."""
    other = Store(tmp_path / "other", bench.clock)
    journal = Journal(tmp_path / "other.db", clock=bench.clock, boot="0badcafe")
    taker = Taker(bench.camera(), other, journal, bench.clock)

    def take(order: Order) -> bytes:
        taken = taker.take(order, CaptureSettings(reserve_mb=16), lambda _tx, _document: None)
        return other.read(taken.filename)

    yield take
    journal.close()


@pytest.fixture
def crashed(bench: Bench, journal: Journal) -> Iterator[Journal]:
    """The journal of a run that ended with the power, opened again."""
    path = bench.layout.journal
    before = {each: each.read_bytes() for each in path.parent.iterdir() if each.is_file()}
    journal.close()
    for each, content in before.items():
        each.write_bytes(content)
    again = Journal(path, clock=bench.clock, boot="0badcaff")
    yield again
    again.close()


def written(store: Store, content: bytes, wall: float) -> str:
    """The name of a picture that is on the disk."""
    return store.write({"jpg": (content,)}, wall)[0].name


def put(store: Store, name: str, content: bytes) -> None:
    """Put a file into the folder by hand."""
    store.folder.mkdir(parents=True, exist_ok=True)
    store.path(name).write_bytes(content)


def run(store: Store, journal: Journal, before: CutShort | None = None) -> int:
    """Reconcile to the end; returns the number of steps."""
    return sum(1 for _ in reconcile(store, journal, before))


def told(journal: Journal, kind: str) -> list[dict[str, Any]]:
    """All events of a type."""
    events = journal.events(0, 1000).events
    return [json.loads(bytes(event.data)) for event in events if event.type == kind]


def test_pictures_moved_away_are_told_in_steps(store: Store, journal: Journal) -> None:
    """No event names more than a deletion on command would, however many were moved by hand."""
    store.folder.mkdir(parents=True)
    documents = [capture(number) for number in range(2 * MOST_NAMES + 1)]
    add(journal, *documents)
    run(store, journal)
    events = told(journal, "capture_deleted")
    assert [len(event["filenames"]) for event in events] == [MOST_NAMES, MOST_NAMES, 1]
    assert {event["reason"] for event in events} == {"missing"}
    names = [name for event in events for name in event["filenames"]]
    assert sorted(names) == [document.filename for document in documents]
    assert journal.capture_totals() == (0, 0)
    run(store, journal)
    assert len(told(journal, "capture_deleted")) == len(events)


def test_found_pictures_are_one_event_and_keep_their_time(
    store: Store, journal: Journal, picture: Callable[[Order], bytes]
) -> None:
    """Old pictures that are copied in are no new ones, and none of them is the newest."""
    content = picture(Order("snapshot"))
    newest = written(store, content, 1_900_000_000.0)
    run(store, journal)
    old = [f"cinepi_20200101_0000{number:02}.jpg" for number in range(5)]
    for name in old:
        put(store, name, content.replace(b"Exif", b"Exit"))  # whose time only the name knows
    before = journal.last_seq
    run(store, journal)
    assert journal.last_seq == before + 1
    assert told(journal, "captures_found")[-1] == {
        "type": "captures_found",
        "count": 5,
        "first": old[0],
        "last": old[-1],
    }
    assert told(journal, "capture_stored") == []
    assert journal.capture_names() == {newest, *old}
    assert [name for name, _ in islice(journal.oldest_captures(), 5)] == old
    listed = journal.newest_capture()
    assert listed is not None
    assert listed.filename == newest


def test_a_frame_that_a_crash_left_is_stored_as_ever(
    store: Store, crashed: Journal, picture: Callable[[Order], bytes]
) -> None:
    """The running session's next frame has its own event, beside any number of old pictures."""
    content = picture(Order("snapshot"))
    for number in range(10):
        put(store, f"cinepi_20200101_0000{number:02}.jpg", content.replace(b"Exif", b"Exit"))
    frame = written(store, picture(Order("frame", session=SESSION, slot=7)), 1_900_000_000.0)
    counted = written(store, picture(Order("frame", session=SESSION, slot=6)), 1_890_000_000.0)
    run(store, crashed, CutShort(is_crash=True, session=SESSION, slot=7))
    assert [event["filename"] for event in told(crashed, "capture_stored")] == [frame]
    assert told(crashed, "captures_found")[0]["count"] == 11
    assert counted in crashed.capture_names()


def test_a_snapshot_that_a_crash_left_is_found_by_its_command(
    store: Store, crashed: Journal, picture: Callable[[Order], bytes]
) -> None:
    """It has its event, and the repeat of the command finds it; also with the clock set back."""
    add(crashed, capture(1, at=1_999_999_999))
    put(store, capture(1).filename, b"\xff\xd8\xff\xd9")
    name = written(store, picture(Order("snapshot", command=COMMAND.digest)), 1_700_000_000.0)
    run(store, crashed, CutShort(is_crash=True))
    assert [event["filename"] for event in told(crashed, "capture_stored")] == [name]
    found = Adopted(crashed).find(COMMAND)
    assert found is not None
    assert found.filename == name


def test_a_count_cut_short_goes_on(
    store: Store,
    journal: Journal,
    picture: Callable[[Order], bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Wherever the look is cut short, all that was found is told in one event, each once."""
    monkeypatch.setattr("cinepi.capture.reconcile._BATCH", 2)
    content = picture(Order("snapshot")).replace(b"Exif", b"Exit")
    names = [f"cinepi_20200101_0000{number:02}.jpg" for number in range(7)]
    for name in names:
        put(store, name, content)
    steps = reconcile(store, journal)
    for _ in range(3):  # the look, and two batches
        next(steps)
    assert journal.capture_totals()[0] == 4
    run(store, journal)
    assert told(journal, "captures_found") == [
        {"type": "captures_found", "count": 7, "first": names[0], "last": names[-1]}
    ]
    run(store, journal)
    assert len(told(journal, "captures_found")) == 1


def test_a_picture_that_is_being_deleted_is_not_missing(store: Store, journal: Journal) -> None:
    """What a deletion has removed and could not tell yet keeps its own reason."""
    store.folder.mkdir(parents=True)
    add(journal, capture(1), capture(2))
    store.vanished[capture(1).filename] = "command"
    run(store, journal)
    assert told(journal, "capture_deleted") == [
        {"type": "capture_deleted", "filenames": [capture(2).filename], "reason": "missing"}
    ]
    removal.tell_vanished(store, journal)
    assert told(journal, "capture_deleted")[-1]["reason"] == "command"


def test_a_picture_that_has_come_back_is_not_missing(store: Store, journal: Journal) -> None:
    """Between the look and the telling it is looked for again."""
    store.folder.mkdir(parents=True)
    add(journal, capture(1))
    steps = reconcile(store, journal)
    next(steps)
    put(store, capture(1).filename, b"\xff\xd8\xff\xd9")
    deque(steps, maxlen=0)
    assert told(journal, "capture_deleted") == []


def test_a_picture_whose_facts_are_damaged_is_found_all_the_same(
    store: Store, journal: Journal, picture: Callable[[Order], bytes]
) -> None:
    """A wrong byte in the text of its EXIF costs what stands there, and not the start."""
    content = picture(Order("frame", session=SESSION, slot=7))
    name = "cinepi_20200101_000000.jpg"
    put(store, name, content.replace(b"093000_ab12", b"093000_ab\xff2"))
    run(store, journal)
    found = journal.capture(name)
    assert found is not None
    assert found.session is None
