"""A shot is the unit: its files are written, found, told and deleted together."""

import os
import resource
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

from cinepi.camera.backends.simulated import backend, faults
from cinepi.camera.camera import Camera
from cinepi.camera.contract import Frame, Planes
from cinepi.capture.reconcile import reconcile
from cinepi.capture.reindex import describe
from cinepi.capture.removal import remove
from cinepi.capture.shot import Order
from cinepi.capture.store import Store
from cinepi.capture.sweep import survey, sweep
from cinepi.capture.take import Taker
from cinepi.errors import DeadlineError, StorageFullError
from cinepi.journal.journal import Journal, Transaction
from cinepi.model.documents import CaptureDocument
from cinepi.model.events import CaptureStored
from cinepi.model.exposures import Exposure
from cinepi.model.settings import CameraSettings, CaptureSettings
from cinepi.stem import stem_for, stem_of
from tests.unit.camera.bench import SMALL, Bench
from tests.unit.formats.adding import BROKEN, NOTE, companion

SETTINGS = CaptureSettings(reserve_mb=16)
SNAPSHOT = Order("snapshot")
WALL = 1_781_434_800.0


@pytest.fixture
def taker(bench: Bench, store: Store, journal: Journal) -> Taker:
    """Takes small pictures."""
    return Taker(bench.camera(), store, journal, bench.clock)


@pytest.fixture
def with_notes(tmp_path: Path) -> Iterator[None]:
    """A note lies beside each picture."""
    with companion(tmp_path / "more", NOTE):
        yield


def nothing(transaction: Transaction, document: CaptureDocument) -> None:
    """Add nothing to the transaction."""


def names(folder: Path) -> list[str]:
    """Names of all files in the folder."""
    return sorted(path.name for path in folder.iterdir() if path.is_file())


@pytest.mark.usefixtures("with_notes")
def test_a_companion_is_stored_told_and_deleted_with_its_picture(
    taker: Taker, store: Store, journal: Journal, folder: Path
) -> None:
    """One file with a format is all that it takes."""
    document = taker.take(SNAPSHOT, SETTINGS, nothing)
    (note,) = document.files
    assert note.filename == f"{stem_of(document.filename)}.note"
    assert names(folder) == [document.filename, note.filename]
    content = (folder / note.filename).read_bytes()
    assert content == b"NOTE simulated-imx477 END"
    assert note.size == len(content)
    assert journal.capture(note.filename) == journal.capture(document.filename) == document
    assert journal.capture_totals() == (1, document.size + note.size)
    (event,) = journal.events(0, 10).events
    assert msgspec.json.decode(event.data, type=CaptureStored).files == (note,)
    remove(store, journal, [document.filename], "command")
    assert names(folder) == []
    assert journal.capture_totals() == (0, 0)


@pytest.mark.usefixtures("with_notes")
def test_a_shot_is_indexed_again_with_all_its_files(
    taker: Taker, store: Store, journal: Journal, folder: Path
) -> None:
    """What a power cut left out of the index comes back as it was, companions included."""
    order = Order("frame", session="20261123_093000_ab12", slot=7, due=0.0)
    document = taker.take(order, SETTINGS, nothing)
    swept = sweep(folder, set())
    assert swept.found == (document.filename,)
    beside = swept.companions[stem_of(document.filename)]
    assert describe(store, document.filename, beside, has_digest=True).document == document
    with journal.transaction() as tx:
        tx.remove_captures([document.filename])
    for _ in reconcile(store, journal):
        pass
    assert journal.capture(document.filename) == document
    assert sweep(folder, {document.filename}).quarantined == ()


@pytest.mark.usefixtures("with_notes")
def test_what_is_no_whole_shot_is_put_aside(taker: Taker, folder: Path) -> None:
    """A companion alone is the rest of something; a torn one costs itself and not the picture."""
    alone, torn, kept, known = (taker.take(SNAPSHOT, SETTINGS, nothing) for _ in range(4))
    (folder / alone.filename).unlink()
    (folder / torn.files[0].filename).write_bytes(b"NOTE")
    (folder / "cinepi_20200101_000000.jpg").write_bytes(b"\xff\xd8 half")
    (folder / "cinepi_20200101_000000.note").write_bytes(b"NOTE END")
    swept = sweep(folder, {alone.filename, known.filename})
    assert {one.name: one.reason for one in swept.quarantined} == {
        alone.files[0].filename: "its picture is not there",
        torn.files[0].filename: "it is cut short",
        "cinepi_20200101_000000.jpg": "it is cut short",
        "cinepi_20200101_000000.note": "its picture is not there",
    }
    assert all(one.moved_to.exists() for one in swept.quarantined)
    assert swept.found == (torn.filename, kept.filename)
    assert swept.missing == (alone.filename,)
    assert swept.companions == {stem_of(kept.filename): (kept.files[0].filename,)}
    assert survey(folder, lambda: set(kept.filenames)).damaged == ()


@pytest.mark.usefixtures("with_notes")
def test_a_stem_belongs_to_one_shot(store: Store, folder: Path) -> None:
    """Where somebody's file has it, be it a companion alone, all files go on to the next one."""
    files = {"jpg": (b"\xff\xd8\xff\xd9",), "note": (b"NOTE END",)}
    stem = stem_of(store.write(files, WALL)[0].name)
    (folder / f"{stem}.jpg").unlink()
    (folder / f"{stem}_02.note").write_bytes(b"somebody's")
    for expected in (f"{stem}_01", f"{stem}_03"):
        stored = store.write(files, WALL)
        assert [file.name for file in stored] == [f"{expected}.jpg", f"{expected}.note"]
    assert (folder / f"{stem}.note").read_bytes() == b"NOTE END"
    assert (folder / f"{stem}_02.note").read_bytes() == b"somebody's"
    assert len(names(folder)) == 6


@pytest.mark.usefixtures("with_notes")
def test_a_shot_stays_together_when_somebody_is_faster(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that comes between the companion's name and the picture's is not overwritten."""
    fsync, stem = os.fsync, stem_for(WALL, lambda _: False)

    def put_a_picture_there(descriptor: int) -> None:
        fsync(descriptor)
        if (folder / f"{stem}.note").exists():
            (folder / f"{stem}.jpg").write_bytes(b"somebody's")

    monkeypatch.setattr(os, "fsync", put_a_picture_there)
    files = {"jpg": (b"\xff\xd8\xff\xd9",), "note": (b"NOTE END",)}
    stored = store.write(files, WALL)
    assert [file.name for file in stored] == [f"{stem}_01.jpg", f"{stem}_01.note"]
    assert names(folder) == sorted([f"{stem}.jpg", *(file.name for file in stored)])
    assert (folder / f"{stem}.jpg").read_bytes() == b"somebody's"


@pytest.mark.usefixtures("with_notes")
def test_a_shot_that_was_not_kept_leaves_nothing(taker: Taker, folder: Path) -> None:
    """All its files go, at once or at the next look."""

    def also(transaction: Transaction, document: CaptureDocument) -> None:
        raise StorageFullError(f"no room for {document.filename} in {transaction}")

    with pytest.raises(StorageFullError):
        taker.take(SNAPSHOT, SETTINGS, also)
    assert names(folder) == []


def test_a_companion_that_cannot_be_made_costs_itself(
    taker: Taker, folder: Path, tmp_path: Path
) -> None:
    """Whatever a format raises, the picture is kept."""
    with companion(tmp_path / "more", BROKEN):
        document = taker.take(SNAPSHOT, SETTINGS, nothing)
    assert document.files == ()
    assert names(folder) == [document.filename]


@pytest.fixture
def short_files() -> Iterator[None]:
    """No file may grow beyond 200 KB, so a large companion ends half-way."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("short_files")
def test_a_companion_that_the_disk_refuses_costs_itself(
    taker: Taker, folder: Path, tmp_path: Path
) -> None:
    """The picture is there and nothing else, not even a temporary file."""
    with companion(tmp_path / "more", NOTE.replace('b" END"', 'bytes(300_000), b" END"')):
        document = taker.take(SNAPSHOT, SETTINGS, nothing)
    assert document.files == ()
    assert names(folder) == [document.filename]


def test_a_preview_that_cannot_be_encoded_costs_no_picture(
    taker: Taker, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The camera's second picture is empty; the preview is made of the first."""
    expose = backend.Backend.expose
    empty = np.zeros((0, 0), np.uint8)

    def spoiled(self: backend.Backend, exposure: Exposure, limit: float) -> Frame:
        frame = expose(self, exposure, limit)
        return Frame(
            main=frame.main,
            preview=Planes(empty, empty, empty),
            began_at=frame.began_at,
            achieved=frame.achieved,
            release=frame.release,
        )

    monkeypatch.setattr(backend.Backend, "expose", spoiled)
    document = taker.take(SNAPSHOT, SETTINGS, nothing)
    assert names(folder) == [document.filename]
    assert taker.preview_of(document.filename).startswith(b"\xff\xd8")


def test_several_exposures_are_one_shot(
    bench: Bench, store: Store, journal: Journal, folder: Path
) -> None:
    """Each has its own file with its own EXIF, under one stem, and says what it asked for."""
    taker = Taker(bench.camera(), store, journal, bench.clock)
    asked = tuple(Exposure(shutter_us=shutter, gain=1.0) for shutter in (2000, 500, 8000))
    document = taker.take(Order("snapshot", exposures=asked), SETTINGS, nothing)
    stem = stem_of(document.filename)
    assert document.filenames == (f"{stem}.jpg", f"{stem}.2.jpg", f"{stem}.3.jpg")
    assert names(folder) == sorted(document.filenames)
    exposures = (document, *document.exposures)
    assert tuple(each.asked for each in exposures) == asked
    assert [each.achieved.exposure_us for each in exposures] == [2000, 500, 8000]
    assert journal.capture_totals() == (1, document.total_size)
    (beside,) = sweep(folder, set()).companions.values()
    assert describe(store, document.filename, beside, has_digest=True).document == document


def test_a_further_exposure_that_fails_costs_itself(
    bench: Bench, store: Store, journal: Journal
) -> None:
    """The picture was taken, and is kept."""

    def unplug() -> None:
        faults.write(bench.layout, "unplug")

    taker = Taker(bench.camera(), store, journal, bench.clock, on_exposed=unplug)
    asked = (Exposure(shutter_us=2000, gain=1.0), Exposure(shutter_us=500, gain=1.0))
    document = taker.take(Order("snapshot", exposures=asked), SETTINGS, nothing)
    assert (document.files, document.exposures, document.asked) == ((), (), asked[0])


def test_a_plain_picture_is_told_in_the_fewest_words(taker: Taker) -> None:
    """What stands at the top is its own; nothing is beside it."""
    document = taker.take(SNAPSHOT, SETTINGS, nothing)
    assert (document.files, document.exposures, document.asked) == ((), (), Exposure())
    assert document.achieved.exposure_us is not None


def test_the_camera_knows_until_when_a_rescue_counts(
    bench: Bench, store: Store, journal: Journal, folder: Path
) -> None:
    """A picture for which the camera had to be opened anew, and which begins too late, is none."""
    camera: Camera = bench.camera(CameraSettings(resolution=SMALL.resolution))
    taker = Taker(camera, store, journal, bench.clock)
    now = bench.clock.monotonic()
    with pytest.raises(DeadlineError):
        taker.take(Order("frame", due=now, latest=now - 1), SETTINGS, nothing)
    assert not folder.exists() or names(folder) == []
