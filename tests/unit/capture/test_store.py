import ctypes
import errno
import hashlib
import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from cinepi import disk as folder_module
from cinepi.capture.store import Store
from cinepi.errors import (
    InternalError,
    InvalidArgumentError,
    PermissionDeniedError,
    StorageFullError,
    StorageUnavailableError,
)
from cinepi.stem import stem_of
from tests.unit.camera.bench import Bench

WHOLE = {"jpg": (b"\xff\xd8one", b"two\xff\xd9")}
CONTENT = b"\xff\xd8onetwo\xff\xd9"
WALL = 1_781_434_800.0


def test_what_is_written_can_be_read(store: Store, folder: Path) -> None:
    """The parts come out as one file, with its size and digest, and nothing else is left."""
    (stored,) = store.write(WHOLE, WALL)
    assert stored.path.read_bytes() == CONTENT == store.read(stored.name)
    assert stored.size == len(CONTENT)
    assert stored.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert [path.name for path in folder.iterdir()] == [stored.name]
    assert stored.path.stat().st_mode & 0o777 == 0o640


def test_nothing_is_overwritten(store: Store, folder: Path) -> None:
    """A file that has the name already stays, also one that the index does not know."""
    (first,) = store.write(WHOLE, WALL)
    (folder / first.name.replace(".jpg", "_01.jpg")).write_bytes(b"somebody's")
    (second,) = store.write(WHOLE, WALL)
    assert second.name == first.name.replace(".jpg", "_02.jpg")
    assert first.path.read_bytes() == CONTENT


def test_names_that_only_the_index_knows_are_not_used_again(store: Store) -> None:
    """A picture that was deleted by hand keeps its name."""
    name = store.write(WHOLE, WALL)[0].name
    store.delete(name)
    assert store.write(WHOLE, WALL, lambda stem: stem == stem_of(name))[0].name != name


def test_link_where_rename_knows_no_flags(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On file systems without the flag a link does the same."""

    class OldKernel:
        @staticmethod
        def renameat2(*_: object) -> int:
            ctypes.set_errno(errno.EINVAL)
            return -1

    monkeypatch.setattr(folder_module, "_libc", OldKernel)
    names = {store.write(WHOLE, WALL)[0].name for _ in range(3)}
    assert names == {path.name for path in folder.iterdir()}
    assert len(names) == 3


def test_short_writes_are_carried_on(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that takes a few bytes at a time gets them all, in order."""
    whole = os.writev
    monkeypatch.setattr(os, "writev", lambda fd, parts: whole(fd, [bytes(parts[0][:2])]))
    assert store.write(WHOLE, WALL)[0].path.read_bytes() == CONTENT


@pytest.fixture
def small_disk() -> Iterator[None]:
    """No file may grow beyond 64 KiB, so a write ends half-way."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("small_disk")
def test_write_that_ends_half_way_leaves_nothing(store: Store, folder: Path) -> None:
    """A failed write is an error, and no part of a file is left."""
    with pytest.raises(InternalError, match="File too large"):
        store.write({"jpg": (b"\xff\xd8" + bytes(100_000), b"\xff\xd9")}, WALL)
    assert list(folder.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full device here")
@pytest.mark.parametrize(
    ("code", "error"),
    [
        (errno.ENOSPC, StorageFullError),
        (errno.EDQUOT, StorageFullError),
        (errno.EROFS, PermissionDeniedError),
        (errno.EACCES, PermissionDeniedError),
        (errno.EIO, InternalError),
    ],
)
def test_errors_of_the_disk_have_names(
    store: Store,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    code: int,
    error: type[Exception],
) -> None:
    """Each way in which a disk fails is told apart, and leaves nothing behind."""

    def fail(_: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fail)  # where USB sticks tell of failed writes
    with pytest.raises(error, match=str(folder)):
        store.write(WHOLE, WALL)
    monkeypatch.undo()
    assert list(folder.iterdir()) == []


def test_a_file_that_stays_behind_is_remembered(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has its name, it is no picture, and it could not be deleted either."""
    fsync, synced = os.fsync, 0

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    def fail_of_the_folder(descriptor: int) -> None:
        nonlocal synced
        synced += 1
        if synced > 1:
            fail()
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", fail_of_the_folder)
    monkeypatch.setattr(os, "unlink", fail)
    with pytest.raises(InternalError, match="failing"):
        store.write(WHOLE, WALL)
    monkeypatch.undo()
    assert store.leftover == {path.name for path in folder.iterdir()}
    assert len(store.leftover) == 1


def test_folder_that_is_a_file(store: Store, folder: Path) -> None:
    """A folder that cannot be made is an error that names it."""
    folder.parent.mkdir(parents=True)
    folder.write_text("no folder")
    with pytest.raises(StorageUnavailableError, match=str(folder)):
        store.write(WHOLE, WALL)


@pytest.mark.parametrize("kind", ["missing", "link", "folder", "pipe"])
def test_only_pictures_are_opened(store: Store, folder: Path, kind: str) -> None:
    """No link is followed, and nothing but a regular file is read."""
    name = "cinepi_20261123_093000.jpg"
    folder.mkdir(parents=True)
    path = folder / name
    if kind == "link":
        path.symlink_to("/etc/passwd")
    elif kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    with pytest.raises(InvalidArgumentError, match="there is no picture"):
        store.read(name)


def test_names_with_a_way_out_are_refused(store: Store) -> None:
    """What is no picture's name is neither read nor deleted."""
    for name in ("../../../etc/passwd", "/etc/passwd", "journal.db"):
        with pytest.raises(InvalidArgumentError):
            store.open(name)
        with pytest.raises(InvalidArgumentError):
            store.delete(name)


def test_deleting_tells_how_much_it_frees(store: Store) -> None:
    """The size of a deleted picture is returned, and nothing for one that is gone."""
    (stored,) = store.write(WHOLE, WALL)
    assert store.delete(stored.name) == stored.size
    assert store.delete(stored.name) == 0
    store.flush()


def test_disk_before_the_first_picture(store: Store, folder: Path) -> None:
    """The space is known before the folder exists."""
    assert not folder.exists()
    free, total = store.disk()
    assert 0 < free <= total


def test_a_disk_that_cannot_be_asked_is_an_error_of_ours(bench: Bench) -> None:
    """What the system refuses to say ends no loop of the service."""
    bench.layout.captures.mkdir(parents=True)
    with pytest.raises(InternalError, match="File name too long"):
        Store(bench.layout.captures / ("x" * 300), bench.clock).disk()
