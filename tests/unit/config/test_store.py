import os
import resource
import stat
from pathlib import Path
from typing import Protocol

import pytest

from cinepi.clock import Clock
from cinepi.config import store
from cinepi.config.template import as_text
from cinepi.disk import speaking_of, user_name
from cinepi.errors import (
    BusyError,
    CinepiError,
    ConflictError,
    InvalidArgumentError,
    PermissionDeniedError,
    StorageFullError,
    TooLargeError,
)
from cinepi.model.settings import Config
from cinepi.paths import Layout

DAY = 86400


class MovingClock(Clock, Protocol):
    """What these tests need of the clock in conftest.py, which they cannot import."""

    now: float
    synced: bool


def test_what_is_written_is_read(layout: Layout) -> None:
    """A text comes back character by character, in a folder that was not there."""
    text = "\ufeffcamera:\r\n  iso: 100 # µ"
    assert store.write(layout, text) == store.digest(text)
    assert store.read(layout) == text
    assert [path.name for path in layout.config.parent.iterdir()] == ["cinepi.yaml"]


def test_a_new_file_is_for_the_group_only(layout: Layout) -> None:
    """A new file has mode 0640, whatever the umask."""
    old = os.umask(0o077)
    try:
        store.write(layout, "{}")
    finally:
        os.umask(old)
    assert stat.S_IMODE(layout.config.stat().st_mode) == 0o640


def test_owner_and_mode_stay(layout: Layout) -> None:
    """A file that is replaced keeps its mode, and its owner where that is allowed."""
    store.write(layout, "{}")
    layout.config.chmod(0o664)
    if os.geteuid() == 0:
        os.chown(layout.config, 1234, 2345)
    before = layout.config.stat()
    store.write(layout, "camera:")
    after = layout.config.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (
        before.st_mode,
        before.st_uid,
        before.st_gid,
    )
    assert after.st_ino != before.st_ino


def test_a_symbolic_link_stays_one(layout: Layout, tmp_path: Path) -> None:
    """Where cinepi.yaml is a link, the file that it names is replaced."""
    real = tmp_path / "elsewhere" / "mine.yaml"
    real.parent.mkdir()
    real.write_text("{}")
    layout.config.parent.mkdir(parents=True)
    layout.config.symlink_to(real)
    store.write(layout, "camera:")
    assert layout.config.is_symlink()
    assert real.read_text() == "camera:"


def test_a_left_over_of_a_killed_run_does_not_matter(layout: Layout) -> None:
    """A temporary file that was left behind is replaced, and gone afterwards."""
    layout.config.parent.mkdir(parents=True)
    (layout.config.parent / ".cinepi.yaml.new").write_text("half")
    store.write(layout, "{}")
    assert [path.name for path in layout.config.parent.iterdir()] == ["cinepi.yaml"]


def test_a_folder_in_place_of_the_file_is_named(layout: Layout) -> None:
    """A folder where the file belongs is neither read nor replaced."""
    layout.config.mkdir(parents=True)
    with pytest.raises(ConflictError, match=r"cinepi\.yaml is a folder, not a file; move"):
        store.read(layout)
    with pytest.raises(ConflictError, match=r"cinepi\.yaml is a folder, not a file; move"):
        store.write(layout, "{}")


def test_a_pipe_in_place_of_the_file_does_not_block(layout: Layout) -> None:
    """A named pipe where the file belongs is refused at once."""
    layout.config.parent.mkdir(parents=True)
    os.mkfifo(layout.config)
    with pytest.raises(ConflictError, match="a device or a link, not a file"):
        store.read(layout)


def test_a_file_in_place_of_the_folder_is_named(layout: Layout) -> None:
    """A file where the folder belongs is a clear error."""
    layout.config.parent.parent.mkdir(parents=True)
    layout.config.parent.write_text("")
    with pytest.raises(ConflictError, match=r"cannot write .*cinepi\.yaml"):
        store.write(layout, "{}")


def test_a_folder_that_cannot_be_written_is_named(nobody: Layout) -> None:
    """Without the right to write, the error names the file, the reason and whose the folder is."""
    nobody.config.parent.mkdir(parents=True)
    nobody.config.parent.chmod(0o555)
    with pytest.raises(PermissionDeniedError) as caught:
        store.write(nobody, "{}")
    folder = nobody.config.parent
    assert str(caught.value) == (
        f"cannot write {nobody.config}: Permission denied; the mode of {folder} does not allow it "
        f"to its owner, {user_name(os.geteuid())}"
    )
    nobody.config.parent.chmod(0o755)


def test_a_write_that_fails_leaves_the_old_file(layout: Layout) -> None:
    """When the system stops in the middle of a write, the old file is whole and stands alone."""
    store.write(layout, "camera:")
    _, hard = limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))  # this process's own full disk
    try:
        with pytest.raises(CinepiError, match=r"cannot write .*: File too large"):
            store.write(layout, "#" * 1000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert store.read(layout) == "camera:"
    assert [path.name for path in layout.config.parent.iterdir()] == ["cinepi.yaml"]


def test_a_full_disk_is_called_so() -> None:
    """What the system says of a full disk is an error that may be tried again."""
    full = Path("/dev/full")
    with (
        pytest.raises(StorageFullError, match="cannot write /dev/full: No space left") as caught,
        speaking_of(full, "write"),
        full.open("wb", buffering=0) as file,
    ):
        file.write(b"x")
    assert caught.value.retryable


def test_a_large_file_is_not_read(layout: Layout) -> None:
    """A file over 64 KiB is refused."""
    layout.config.parent.mkdir(parents=True)
    layout.config.write_text("#" * 70_000)
    with pytest.raises(TooLargeError, match="has more than the 65536 bytes"):
        store.read(layout)


def test_copies_of_one_second_are_told_apart(layout: Layout, clock: MovingClock) -> None:
    """The first copy of a second has the plain name, later ones `_01` and so on; newest first."""
    for text in ("a:", "b:", "c:"):
        store.write(layout, text)
        store.back_up(layout, clock)
    names = [copy.filename for copy in store.backups(layout)]
    assert names == [
        "cinepi_backup_20261123_093000_02.yaml",
        "cinepi_backup_20261123_093000_01.yaml",
        "cinepi_backup_20261123_093000.yaml",
    ]
    assert [store.read_backup(layout, name) for name in names] == ["c:", "b:", "a:"]


def test_too_many_copies_of_one_second_are_refused(layout: Layout, clock: MovingClock) -> None:
    """After 100 copies within a second the next has to wait; none is overwritten."""
    store.write(layout, "{}")
    names = {store.back_up(layout, clock) for _ in range(100)}
    assert len(names) == 100
    with pytest.raises(BusyError):
        store.back_up(layout, clock)


def test_copies_say_whether_they_are_valid(layout: Layout, clock: MovingClock) -> None:
    """The list has name, time, size and validity; other files in the folder are no copies."""
    store.write(layout, as_text(Config()))
    good = store.back_up(layout, clock)
    clock.now += 1
    store.write(layout, "camera: [iso, 9")
    bad = store.back_up(layout, clock)
    (layout.backups / "cinepi_backup_20261399_000000.yaml").write_text("{}")
    (layout.backups / "notes.txt").write_text("{}")
    first, second = store.backups(layout)
    assert (first.filename, first.is_valid, first.size) == (bad, False, 15)
    assert (second.filename, second.is_valid) == (good, True)
    assert store.newest_valid(layout) == (good, as_text(Config()))


def test_there_may_be_no_copies(layout: Layout, clock: MovingClock) -> None:
    """Without a folder of copies there are none; without a file there is nothing to copy."""
    assert store.backups(layout) == ()
    assert store.newest_valid(layout) is None
    assert store.prune(layout, clock, 1) == 0
    with pytest.raises(ConflictError, match=r"there is no .* to copy"):
        store.back_up(layout, clock)


@pytest.mark.parametrize(
    "name",
    [
        "../cinepi.yaml",
        "/etc/passwd",
        "cinepi_backup_20261123_093000.yaml/../x",
        "cinepi_backup_20261123_093000.yaml\n",
        "cinepi_backup_20261323_093000.yaml",
        "cinepi_backup_2026\N{ARABIC-INDIC DIGIT ONE}123_093000.yaml",
        "cinepi_backup_20261123_093000_1.yaml",
        "cinepi.yaml",
        "",
    ],
)
def test_only_names_of_copies_are_read(layout: Layout, name: str) -> None:
    """Whatever is not the name of a copy is refused as such, with what a name looks like."""
    with pytest.raises(InvalidArgumentError, match="file must be the name of a backup") as caught:
        store.read_backup(layout, name)
    assert caught.value.field == "/file"


def test_a_copy_that_is_not_there_is_named(layout: Layout) -> None:
    """A right name without a file is said to be missing."""
    with pytest.raises(InvalidArgumentError, match="there is no backup cinepi_backup_2020"):
        store.read_backup(layout, "cinepi_backup_20200101_000000.yaml")


def test_old_copies_go_but_the_newest_five_stay(layout: Layout, clock: MovingClock) -> None:
    """Copies beyond their age are deleted, except the five newest."""
    store.write(layout, "{}")
    names = []
    for _ in range(8):
        names.append(store.back_up(layout, clock))
        clock.now += DAY
    assert store.prune(layout, clock, 30) == 0
    clock.now += 30 * DAY
    assert store.prune(layout, clock, 30) == 3
    assert [copy.filename for copy in store.backups(layout)] == names[:2:-1]


def test_young_copies_stay(layout: Layout, clock: MovingClock) -> None:
    """Of more than five copies, those within the days stay; while the clock is wrong, all do."""
    store.write(layout, "{}")
    for _ in range(8):
        store.back_up(layout, clock)
        clock.now += DAY
    clock.synced = False
    assert store.prune(layout, clock, 2) == 0
    clock.synced = True
    assert store.prune(layout, clock, 7) == 1
    assert len(store.backups(layout)) == 7


def test_copies_are_bounded(layout: Layout, clock: MovingClock) -> None:
    """However often the configuration changes, at most 100 copies are kept."""
    store.write(layout, "{}")
    for _ in range(105):
        clock.now += 1
        store.back_up(layout, clock)
    assert store.prune(layout, clock, 30) == 5
    assert len(store.backups(layout)) == 100


def test_a_copy_of_just_now_stays_though_the_clock_was_set_back(
    layout: Layout, clock: MovingClock
) -> None:
    """By its name it is the oldest of all; the next copy of the same second has another name."""
    store.write(layout, "{}")
    for _ in range(101):
        clock.now += 1
        store.back_up(layout, clock)
    clock.now -= 2 * DAY
    just_made = store.back_up(layout, clock)
    assert store.prune(layout, clock, 30) == 1
    assert just_made in {copy.filename for copy in store.backups(layout)}
    assert store.back_up(layout, clock) != just_made
