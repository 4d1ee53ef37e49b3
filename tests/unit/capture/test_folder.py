"""Which folder is the known one, and what an unknown one may be used for."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cinepi.capture.folder import MANY, MARKER, KnownFolder
from cinepi.errors import StorageUnavailableError
from cinepi.journal.journal import Journal, Transaction
from tests.service.stick import plug, stick, unplug
from tests.unit.journal.test_captures import capture

Known = Callable[[], KnownFolder]


@pytest.fixture
def known(folder: Path, journal: Journal, tmp_path: Path) -> Known:
    """Looks at the folder as a service does that has just started."""

    def start() -> KnownFolder:
        return KnownFolder(folder, journal, beside=tmp_path)

    return start


@pytest.fixture
def disk() -> Iterator[Path]:
    """Another disk."""
    with stick() as disk:
        yield disk


def fill(folder: Path, journal: Journal, count: int) -> None:
    """Pictures on the disk and in the index."""
    with journal.transaction() as tx:
        for number in range(count):
            picture = capture(number)
            (folder / picture.filename).write_bytes(b"picture")
            tx.add_capture(picture)


def nothing(_: Transaction) -> None:
    """Write nothing."""


def test_a_new_folder_is_marked_and_known_again(folder: Path, known: Known) -> None:
    """The first look makes the mark; later ones find it, also where the folder was moved."""
    assert known().look() is None
    mark = (folder / MARKER).read_text()
    assert known().look() is None
    moved = folder.with_name("moved")
    folder.rename(moved)
    moved.rename(folder)
    assert known().problem is None
    assert (folder / MARKER).read_text() == mark


@pytest.mark.parametrize("mark", [None, b"", b"0badcafe", b"\xff\xfe\n"])
def test_a_lost_mark_is_made_again(
    folder: Path, journal: Journal, known: Known, mark: bytes | None
) -> None:
    """The pictures are there: it is the same folder, whatever became of the mark."""
    known().look()
    fill(folder, journal, MANY)
    (folder / MARKER).unlink()
    if mark is not None:
        (folder / MARKER).write_bytes(mark)
    again = known()
    assert again.look() is None
    assert again.problem is None
    assert (folder / MARKER).read_bytes().count(b"\n") == 2


def test_a_disk_that_is_away_is_refused(folder: Path, known: Known, disk: Path) -> None:
    """However few pictures it has; and it is known when it is back, in the same run."""
    plug(folder, disk)
    known().look()
    unplug(folder)
    again = known()
    assert again.look() is not None
    assert "is not mounted" in (again.problem or "")
    descriptor = os.open(folder, os.O_RDONLY)
    with pytest.raises(StorageUnavailableError, match="is not mounted"):
        again.check(descriptor)
    os.close(descriptor)
    plug(folder, disk)
    assert again.look() is None
    assert again.problem is None


def test_the_journal_may_be_on_any_disk(folder: Path, journal: Journal, disk: Path) -> None:
    """Where /var is a disk of its own, pictures still have to be on theirs."""
    plug(folder, disk)
    assert KnownFolder(folder, journal, beside=disk).look() is None
    unplug(folder)
    assert KnownFolder(folder, journal, beside=disk).look() is not None


def test_another_disk_is_refused(folder: Path, journal: Journal, known: Known, disk: Path) -> None:
    """A new disk over the folder lacks the pictures: nothing is stored before it is accepted."""
    known().look()
    fill(folder, journal, MANY)
    folder.rename(folder.with_name("aside"))
    plug(folder, disk)
    again = known()
    assert again.look() is not None
    assert "another disk is mounted" in (again.problem or "")
    again.accept(nothing)
    assert again.problem is None
    assert again.look() is None
    assert known().look() is None


def test_a_new_disk_for_a_few_pictures_needs_no_word(
    folder: Path, journal: Journal, known: Known, disk: Path
) -> None:
    """Who has taken some pictures to try the camera mounts a disk and goes on."""
    known().look()
    fill(folder, journal, MANY - 1)
    folder.rename(folder.with_name("aside"))
    plug(folder, disk)
    again = known()
    assert again.look() is None
    assert again.problem is None


def test_pictures_that_were_moved_to_a_new_disk_are_known(
    folder: Path, journal: Journal, known: Known, disk: Path
) -> None:
    """Moved as the documents say, without the mark: most are there, so it is the same folder."""
    known().look()
    fill(folder, journal, MANY)
    for picture in folder.glob("cinepi_*"):
        (disk / picture.name).write_bytes(picture.read_bytes())
    folder.rename(folder.with_name("aside"))
    plug(folder, disk)
    assert known().look() is None
    unplug(folder)
    assert known().look() is not None


def test_an_emptied_folder_is_used_and_doubted(
    folder: Path, journal: Journal, known: Known
) -> None:
    """On the disk where it was, pictures go on; the index is doubted until somebody says so."""
    known().look()
    fill(folder, journal, MANY)
    folder.rename(folder.with_name("aside"))
    again = known()
    assert again.look() is None
    assert "pictures are gone from" in (again.problem or "")
    again.accept(nothing)
    assert again.problem is None


def test_a_folder_that_cannot_be_marked_is_used(folder: Path, known: Known) -> None:
    """Something else has the name of the mark: the next start decides anew."""
    (folder / MARKER).mkdir(parents=True)
    again = known()
    assert again.look() is None
    assert again.problem is None


def test_another_cameras_disk_is_refused(
    folder: Path, journal: Journal, known: Known, disk: Path
) -> None:
    """Two cameras that take a picture each minute give the same names; the mark tells."""
    known().look()
    fill(folder, journal, MANY)
    for picture in folder.glob("cinepi_*"):
        (disk / picture.name).write_bytes(b"another camera's")
    (disk / MARKER).write_text("0badcaff\nanother camera's\n")
    folder.rename(folder.with_name("aside"))
    plug(folder, disk)
    assert known().look() is not None
