"""Pictures go, each is told once, and a deletion that is cut short goes on."""

import msgspec

from cinepi.capture.removal import remove
from cinepi.capture.store import Store
from cinepi.journal.journal import Journal
from cinepi.model.events import CaptureDeleted
from tests.unit.journal.test_captures import add, capture


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
