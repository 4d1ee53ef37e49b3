"""Disks that are full, read-only or broken: what is lost is told, and all goes on by itself."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.faults import invariants, strace
from tests.faults.disk import Disk
from tests.faults.observer import Document, Observer
from tests.faults.stack import Stack, wait_for

MEGABYTE = 1_000_000
DISK_MB = 48
RESERVE_MB = 16


class Sufferer:
    """A device whose session runs on a disk of the test's own."""

    def __init__(self, root: Path, disk: Disk, capture: Document) -> None:
        """Start it and its session."""
        self.disk = disk
        self.stack = Stack(root, capture={"reserve_mb": RESERVE_MB, **capture})
        try:
            self.stack.start()
            self.observer = Observer(self.stack.port)
            self.observer.await_document("camera", lambda found: found["connected"])
            self.begin()
        except BaseException:
            self.stack.close()
            raise

    def close(self) -> None:
        """End it."""
        self.observer.close()
        self.stack.close()

    def begin(self) -> None:
        """Start a session."""
        assert self.observer.ask("session/start", interval=1)["success"]
        self.frames(2)

    def session(self, **values: object) -> Document:
        """Wait until the session's document has these values."""
        return self.observer.await_document(
            "session", lambda found: all(found[key] == value for key, value in values.items())
        )

    def frames(self, more: int) -> None:
        """Wait until so many more pictures have come."""
        before = len(self.observer.of_type("capture_stored"))
        wait_for(
            lambda: len(self.observer.of_type("capture_stored")) >= before + more,
            why=self.stack.stderr,
        )

    def missed(self, reason: str) -> None:
        """Wait until a frame has been missed for a reason."""
        self.observer.await_document("session", lambda found: found["missed_by"].get(reason, 0) > 1)

    def judge(self) -> list[str]:
        """All that is wrong in the end."""
        self.observer.ask("session/stop")
        return invariants.problems(self.stack, self.observer)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Sufferer]]:
    """Starts a device with a small disk mounted over one of its folders."""
    with ExitStack() as cleanup:

        def begin(where: str, options: str, **capture: object) -> Sufferer:
            disk = Disk(tmp_path / where, options)
            cleanup.callback(disk.close)
            sufferer = Sufferer(tmp_path, disk, capture)
            cleanup.callback(sufferer.close)
            return sufferer

        yield begin


CAPTURES = "opt/cinepi/captures"
JOURNAL = "var/lib/cinepi"
SIZE = f"size={DISK_MB}m"


AT_EACH_STEP = pytest.mark.parametrize(
    "free", [RESERVE_MB * MEGABYTE, 0], ids=["at the reserve", "beyond it"]
)


@AT_EACH_STEP
def test_full_disk_pauses_until_there_is_room(start: Callable[..., Sufferer], free: int) -> None:
    """The default policy waits, says so, and goes on by itself."""
    device = start(CAPTURES, SIZE)
    device.disk.leave(free)
    device.session(state="paused", pause_reason="storage_full")
    wait_for(lambda: device.observer.of_type("storage_low"))
    device.disk.empty()
    device.session(state="active")
    device.frames(2)
    assert device.observer.of_type("storage_recovered")
    assert device.judge() == []


@AT_EACH_STEP
def test_full_disk_stops_where_that_is_the_policy(
    start: Callable[..., Sufferer], free: int
) -> None:
    """The session ends with its reason, and another can begin when there is room."""
    device = start(CAPTURES, SIZE, when_full="stop")
    device.disk.leave(free)
    device.session(state="idle", end_reason="storage_full")
    device.disk.empty()
    device.begin()
    assert device.judge() == []


def test_full_disk_makes_room_where_that_is_the_policy(start: Callable[..., Sufferer]) -> None:
    """The oldest pictures go, and the session does not miss a frame for long."""
    device = start(CAPTURES, SIZE, when_full="delete_oldest")
    device.frames(3)
    device.disk.leave(RESERVE_MB * MEGABYTE)
    wait_for(lambda: device.observer.of_type("capture_deleted"))
    device.frames(2)
    gone = device.observer.of_type("capture_deleted")[0]
    assert gone["reason"] == "make_room"
    device.disk.empty()
    assert device.judge() == []


def test_a_disk_that_others_fill_misses_frames_until_there_is_room(
    start: Callable[..., Sufferer],
) -> None:
    """Frames are missed and counted, and then taken again; no picture is deleted in vain."""
    device = start(CAPTURES, SIZE, when_full="delete_oldest")
    device.frames(1)
    device.disk.leave(0)
    device.missed("storage")
    assert device.stack.pictures() > {"filler"}
    assert device.observer.of_type("capture_deleted") == []
    device.disk.empty()
    device.frames(2)
    assert device.judge() == []


def test_no_inodes_makes_room_too(start: Callable[..., Sufferer]) -> None:
    """A disk with space but no room for another file is full all the same."""
    device = start(CAPTURES, f"{SIZE},nr_inodes=40", when_full="delete_oldest")
    device.frames(3)
    device.disk.use_up_inodes()
    wait_for(lambda: device.observer.of_type("capture_deleted"))
    device.frames(2)
    device.disk.empty()
    assert device.judge() == []


def test_full_journal_goes_on_by_itself(start: Callable[..., Sufferer]) -> None:
    """With no byte left for the database frames are missed and counted; nothing dies for good."""
    device = start(JOURNAL, "size=12m")
    device.disk.leave(0)
    wait_for(lambda: _is_starved(device), why=device.stack.stderr)
    assert device.observer.ask("system/ping")["success"]
    device.disk.empty()
    device.frames(3)
    assert device.stack.service.is_running
    assert device.judge() == []


def _is_starved(device: Sufferer) -> bool:
    """Whether the reserve is used up and frames are missed."""
    return _said(device, "no space is left for the journal") > 0


def _said(device: Sufferer, words: str) -> int:
    """How often the programs have said something on stderr."""
    return (device.stack.root / "stderr.log").read_text().count(words)


def test_read_only_disk_is_told_and_outlived(start: Callable[..., Sufferer]) -> None:
    """A card that the kernel has made read-only costs frames, each counted, and nothing else."""
    device = start(CAPTURES, SIZE)
    device.disk.remount("ro")
    device.missed("storage")
    device.disk.remount("rw")
    device.frames(2)
    assert device.judge() == []


@pytest.mark.parametrize(
    ("calls", "error"),
    [
        (("writev",), "EIO"),
        (("fsync",), "EIO"),
        (("fdatasync", "pwrite64"), "EIO"),
        (("fdatasync", "pwrite64", "unlinkat"), "EIO"),
        (("renameat2",), "EIO"),
    ],
    ids=["write", "fsync", "journal", "journal and deletion", "rename"],
)
def test_failing_card_costs_frames_and_nothing_else(
    start: Callable[..., Sufferer], calls: tuple[str, ...], error: str
) -> None:
    """What fails is no picture, in the folder as in the journal; the rest goes on."""
    device = start(CAPTURES, SIZE)
    before = _said(device, "missed")
    with strace.attached(device.stack.service.pid, calls, f"error={error}"):
        wait_for(lambda: _said(device, "missed") > before, why=device.stack.stderr)
    device.frames(2)
    assert device.stack.service.is_running
    assert device.judge() == []


@pytest.mark.parametrize(("call", "first"), [("fsync", 1), ("fdatasync", 2)])
def test_a_deletion_that_fails_half_way_is_told(
    start: Callable[..., Sufferer], call: str, first: int
) -> None:
    """The picture is gone; the index says so as soon as folder or journal can be written again."""
    device = start(CAPTURES, SIZE)
    assert device.observer.ask("session/pause")["success"]
    name = device.observer.of_type("capture_stored")[0]["filename"]
    # What is about to be done is written down before: the journal's first sync.
    with strace.attached(device.stack.service.pid, (call,), f"error=EIO:when={first}+"):
        assert not device.observer.ask("captures/delete", filename=name)["success"]
    wait_for(lambda: device.observer.of_type("capture_deleted"), why=device.stack.stderr)
    assert device.judge() == []
