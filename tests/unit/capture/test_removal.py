"""Pictures go, each is told once, and a deletion that is cut short goes on."""

import socket
from pathlib import Path

import msgspec
import pytest

from cinepi.capture import removal
from cinepi.capture.removal import Removal, finish_removals, remove, tell_vanished
from cinepi.capture.store import Store
from cinepi.clock import SystemClock
from cinepi.envelope import Command
from cinepi.errors import PermissionDeniedError
from cinepi.journal import intents
from cinepi.journal.journal import Journal
from cinepi.model.events import CaptureDeleted
from cinepi.protocol import BackupResult
from cinepi.units import Bytes
from tests.unit.journal.test_captures import add, capture

COMMAND = Command(id="one", fingerprint="same")
ANSWER = BackupResult(backup_file="stands for the answer")
CALLS = 5 + 3
"""Of the disk, for five pictures in steps of two."""


class PowerCut(Exception):  # noqa: N818 - no error of ours
    """Nothing is done after it."""


class BreakingStore(Store):
    """A folder whose disk does so many things, and then raises."""

    def __init__(self, store: Store, left: int, failure: Exception) -> None:
        """Use the folder of `store`."""
        super().__init__(store.folder, SystemClock())
        self.left = left
        self._failure = failure

    def delete(self, name: str) -> Bytes:
        """See `Store.delete`."""
        self._count()
        return super().delete(name)

    def flush(self) -> None:
        """See `Store.flush`."""
        self._count()
        super().flush()

    def _count(self) -> None:
        if not self.left:
            raise self._failure
        self.left -= 1


@pytest.fixture
def short_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two pictures in one step."""
    monkeypatch.setattr(removal, "MOST_NAMES", 2)


def pictures(store: Store, journal: Journal, count: int) -> tuple[str, ...]:
    """So many pictures on the disk and in the index."""
    documents = [capture(number) for number in range(count)]
    store.folder.mkdir(parents=True, exist_ok=True)
    for document in documents:
        store.path(document.filename).write_bytes(b"picture")
    add(journal, *documents)
    return tuple(document.filename for document in documents)


def told(journal: Journal) -> list[tuple[str, ...]]:
    """The names in each event of a deletion, in order."""
    events = journal.events(0, 1000).events
    return [
        msgspec.json.decode(event.data, type=CaptureDeleted).filenames
        for event in events
        if event.type == "capture_deleted"
    ]


def test_two_deletions_of_one_picture_tell_it_once(store: Store, journal: Journal) -> None:
    """A command and the full disk may want the same pictures at the same time."""
    names = pictures(store, journal, 3)
    remove(store, journal, names[:2], "make_room")
    remove(store, journal, names, "command")
    assert told(journal) == [names[:2], names[2:]]
    remove(store, journal, names, "command")
    assert len(told(journal)) == 2


@pytest.mark.usefixtures("short_steps")
def test_others_can_write_between_the_steps(store: Store, journal: Journal) -> None:
    """Each step is a transaction of its own; the answer comes with the last."""
    names = pictures(store, journal, 5)
    after_each: list[tuple[int, int, bool]] = []

    def look(_: int) -> None:
        has_answer = journal.outcome(COMMAND) is not None
        after_each.append(
            (journal.capture_totals()[0], len(list(store.folder.iterdir())), has_answer)
        )

    journal.on_append(look)
    remove(store, journal, names, "command", command=COMMAND, result=ANSWER)
    assert after_each == [(3, 3, False), (1, 1, False), (0, 0, True)]
    assert told(journal) == [names[:2], names[2:4], names[4:]]
    assert intents.left(journal, Removal) == {}


@pytest.mark.usefixtures("short_steps")
@pytest.mark.parametrize("done", range(CALLS))
def test_a_deletion_cut_short_goes_on(store: Store, journal: Journal, done: int) -> None:
    """Wherever it was cut: all pictures are gone, each was told once, and the answer is there."""
    names = pictures(store, journal, 5)
    breaking = BreakingStore(store, done, PowerCut())
    with pytest.raises(PowerCut):
        remove(breaking, journal, names, "command", command=COMMAND, result=ANSWER)
    assert journal.outcome(COMMAND) is None
    finish_removals(store, journal)
    assert list(store.folder.iterdir()) == []
    assert journal.capture_totals() == (0, 0)
    assert sum(told(journal), ()) == names
    assert msgspec.json.decode(journal.outcome(COMMAND) or b"") == {
        "result": msgspec.to_builtins(ANSWER)
    }
    finish_removals(store, journal)
    assert sum(told(journal), ()) == names


@pytest.mark.usefixtures("short_steps")
def test_a_start_that_goes_on_with_a_deletion_takes_its_time(
    store: Store, journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Systemd is asked for more before each step: 100,000 pictures may take minutes on a card."""
    names = pictures(store, journal, 5)
    with pytest.raises(PowerCut):
        remove(BreakingStore(store, 0, PowerCut()), journal, names, "command", command=COMMAND)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(0)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        finish_removals(store, journal)
        for _ in range(3):
            assert systemd.recv(1000).startswith(b"EXTEND_TIMEOUT_USEC=")
        with pytest.raises(BlockingIOError):
            systemd.recv(1000)
    assert journal.outcome(COMMAND) is not None


@pytest.mark.usefixtures("short_steps")
def test_a_deletion_that_cannot_go_on_keeps_no_service_from_starting(
    store: Store, journal: Journal
) -> None:
    """Its rest stays, as after any other error, and no later start tries again."""
    names = pictures(store, journal, 5)
    with pytest.raises(PowerCut):
        remove(BreakingStore(store, 0, PowerCut()), journal, names, "command", command=COMMAND)
    store.path(names[2]).unlink()
    store.path(names[2]).mkdir()  # which is not deleted like a file, by root neither
    finish_removals(store, journal)
    assert told(journal) == [names[:2]]
    finish_removals(store, journal)
    assert journal.capture_names() == set(names[2:])


@pytest.mark.usefixtures("short_steps")
@pytest.mark.parametrize("done", range(CALLS))
def test_a_deletion_that_fails_leaves_the_rest(store: Store, journal: Journal, done: int) -> None:
    """What had gone is told; what had not stays on the disk and in the index, also later."""
    names = pictures(store, journal, 5)
    breaking = BreakingStore(store, done, PermissionDeniedError("read-only"))
    with pytest.raises(PermissionDeniedError):
        remove(breaking, journal, names, "command", command=COMMAND, result=ANSWER)
    tell_vanished(breaking, journal)
    finish_removals(store, journal)
    present = {path.name for path in store.folder.iterdir()}
    assert present == journal.capture_names()
    assert sorted(sum(told(journal), ())) == sorted(set(names) - present)
    assert breaking.vanished == {}
    assert journal.outcome(COMMAND) is None


@pytest.mark.usefixtures("short_steps")
def test_what_a_second_try_has_told_is_left_to_nobody(store: Store, journal: Journal) -> None:
    """A new picture of an old name, after a clock that was set back, stays in the index."""
    names = pictures(store, journal, 2)
    breaking = BreakingStore(store, 1, PermissionDeniedError("read-only"))
    with pytest.raises(PermissionDeniedError):
        remove(breaking, journal, names, "command")
    breaking.left = CALLS
    remove(breaking, journal, names, "command")
    pictures(store, journal, 2)
    tell_vanished(breaking, journal)
    assert journal.capture_names() == set(names)
