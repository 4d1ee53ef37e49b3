"""What is said about the disk, and how room is made on it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cinepi.camera.camera import Camera
from cinepi.capture.folder import KnownFolder
from cinepi.capture.store import Store
from cinepi.capture.take import Taker
from cinepi.errors import StorageFullError
from cinepi.journal.journal import Journal
from cinepi.model.settings import CameraSettings, CaptureSettings
from cinepi.paths import Layout
from cinepi.service import storage as storage_module
from cinepi.service.storage import Storage
from cinepi.service.tidying import Tidying
from cinepi.timing.keeper import SessionKeeper
from cinepi.units import MEGABYTE
from tests.unit.camera.bench import MovingClock
from tests.unit.journal.test_captures import capture

ALL_OF_IT = 1_000_000  # MB
LARGE = 500 * MEGABYTE  # what others write meanwhile must not count
FULL = StorageFullError("full")


class Bench:
    """A storage with all that it needs."""

    def __init__(self, root: Path) -> None:
        """Make it below `root`, with room to spare."""
        self.layout, self.clock = Layout(root), MovingClock()
        self.settings = CaptureSettings(reserve_mb=16)
        self.journal = Journal(self.layout.journal, clock=self.clock, boot="0badcafe")
        known = KnownFolder(self.layout.captures, self.journal, beside=self.layout.journal.parent)
        self.store = Store(self.layout.captures, self.clock, known)
        self.tidying = Tidying(self.store, self.journal, known)
        self.tidying.begin()
        self.shown: list[str] = []
        camera = Camera(
            CameraSettings(),
            layout=self.layout,
            clock=self.clock,
            on_change=lambda: None,
            on_event=lambda _: None,
            give_up=lambda _: None,
        )
        self.storage = Storage(
            store=self.store,
            taker=Taker(camera, self.store, self.journal, self.clock),
            journal=self.journal,
            keeper=SessionKeeper(self.journal, self.clock, on_change=lambda: None),
            clock=self.clock,
            settings=lambda: self.settings,
            on_change=lambda: self.shown.append(self.storage.document().state),
            tidying=self.tidying,
        )

    def lack(self, room_for: int) -> None:
        """Let so many bytes be missing for the reserve, with `delete_oldest` as the policy."""
        reserve = (self.store.disk()[0] + room_for) // MEGABYTE
        self.settings = CaptureSettings(reserve_mb=reserve, when_full="delete_oldest")

    def index(self, first: int, count: int, size: int) -> list[str]:
        """Put pictures into the index, of which there is no file."""
        found = [capture(number, size=size) for number in range(first, first + count)]
        for begin in range(0, count, 10_000):
            with self.journal.transaction() as tx:
                for each in found[begin : begin + 10_000]:
                    tx.add_capture(each, is_found=True)
        return [each.filename for each in found]

    def told(self) -> list[str]:
        """Types of all events, in order."""
        return [entry.type for entry in self.journal.events(0, 1000).events]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """One of them."""
    bench = Bench(tmp_path)
    yield bench
    bench.journal.close()


def test_what_could_not_be_announced_is_announced_later(bench: Bench) -> None:
    """A journal that fails at the first look hears of the full disk with what it keeps next."""
    bench.settings = CaptureSettings(reserve_mb=ALL_OF_IT)
    with bench.journal.transaction():  # this thread can begin no other one
        bench.storage.check()
    assert bench.shown == ["full"]
    bench.storage.check()
    with bench.journal.transaction():  # any, as a picture makes one
        pass
    assert bench.told() == ["service_started", "storage_low"]


def test_entries_without_a_file_are_passed_over(bench: Bench) -> None:
    """Of 20,000 pictures that are gone none counts: the first real one goes, and it is enough."""
    bench.index(0, 20_000, 3_000_000)
    real = bench.index(20_000, 40, LARGE)
    for name in real:
        with bench.store.path(name).open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, LARGE if name == real[0] else 1)
    bench.lack(LARGE // 10)
    assert bench.storage.handle_full(FULL)
    left = {name for name in real if bench.store.path(name).exists()}
    assert real[0] not in left
    assert bench.journal.capture_totals()[0] == 20_000 + len(left) < 20_040
    assert set(bench.told()) == {"service_started", "capture_deleted"}


def test_deleting_has_a_limit_in_time(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing comes free, a picture waits for so long and not for all to be deleted."""
    monkeypatch.setattr(storage_module, "MAKE_ROOM_LIMIT", 0.0)
    names = bench.index(0, 100, 1_000_000_000_000)
    for name in names:
        bench.store.path(name).write_bytes(b"small")
    bench.lack(10 * MEGABYTE)
    assert not bench.storage.handle_full(FULL)
    assert len(list(bench.layout.captures.glob("cinepi_*"))) in (80, 100)


def test_a_link_to_nothing_is_a_document(bench: Bench) -> None:
    """A folder that has gone makes no document impossible."""
    free = bench.storage.document().free_bytes
    assert free > 0
    captures = bench.layout.captures
    captures.rename(captures.with_name("aside"))
    captures.symlink_to("/nowhere")
    document = bench.storage.document()
    assert (document.state, document.free_bytes) == ("failing", free)
    assert "is a link to /nowhere, which is not there" in (document.problem or "")
