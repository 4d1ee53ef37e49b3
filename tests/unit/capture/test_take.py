import errno
import os
import threading
import time

import piexif
import pytest
import simplejpeg

from cinepi.camera.backends.simulated import faults
from cinepi.camera.camera import Camera
from cinepi.capture.reindex import describe
from cinepi.capture.shot import Order
from cinepi.capture.store import Store
from cinepi.capture.take import Taker
from cinepi.errors import CameraUnavailableError, InternalError, StorageFullError
from cinepi.formats.preview import PREVIEW_LIMIT
from cinepi.journal.filter import Filter
from cinepi.journal.journal import Journal, Transaction
from cinepi.model.documents import CaptureDocument
from cinepi.model.settings import CameraSettings, CaptureSettings
from tests.unit.camera.bench import Bench

SETTINGS = CaptureSettings(reserve_mb=16)
SNAPSHOT = Order("snapshot")


@pytest.fixture
def camera(bench: Bench) -> Camera:
    """A small simulated camera."""
    return bench.camera(
        CameraSettings(
            resolution="1280x720", exposure_mode="manual", shutter_us=2500, iso=200, gain=2.0
        )
    )


@pytest.fixture
def taker(bench: Bench, camera: Camera, store: Store, journal: Journal) -> Taker:
    """Takes pictures with all of these."""
    return Taker(camera, store, journal, bench.clock)


def nothing(transaction: Transaction, document: CaptureDocument) -> None:
    """Add nothing to the transaction."""


def files(bench: Bench) -> list[str]:
    """Names of all that lies in the folder."""
    folder = bench.layout.captures
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_picture_is_on_disk_and_in_the_journal(
    bench: Bench, taker: Taker, journal: Journal
) -> None:
    """One transaction has the event, the index row and what the caller adds."""
    with_it: list[str] = []

    def also(transaction: Transaction, document: CaptureDocument) -> None:
        transaction.set_value("last", document.filename)
        with_it.append(document.filename)

    document = taker.take(SNAPSHOT, SETTINGS, also)
    assert files(bench) == [document.filename] == with_it
    assert journal.capture(document.filename) == document
    assert journal.value("last") == document.filename
    (event,) = journal.events(0, 10).events
    assert event.type == "capture_stored"
    assert (document.width, document.height, document.kind) == (1280, 720, "snapshot")


def test_exif_tells_everything(taker: Taker, bench: Bench) -> None:
    """The file itself says when, how and for which session it was taken."""
    order = Order("frame", session="20261123_093000_ab12", slot=7, session_name="Gärten")
    document = taker.take(order, SETTINGS, nothing)
    path = str(bench.layout.captures / document.filename)
    exif = piexif.load(path)
    main, exposure = exif["0th"], exif["Exif"]
    assert main[piexif.ImageIFD.Make] == b"CinePi"
    assert main[piexif.ImageIFD.Model] == b"simulated-imx477"
    assert main[piexif.ImageIFD.Software].startswith(b"cinepi ")
    assert main[piexif.ImageIFD.Orientation] == 1
    assert main[piexif.ImageIFD.ImageDescription].decode() == (
        "Gärten, session 20261123_093000_ab12, slot 7"
    )
    assert exposure[piexif.ExifIFD.ExposureTime] == (1, 400)
    assert exposure[piexif.ExifIFD.ISOSpeedRatings] == 400
    original = exposure[piexif.ExifIFD.DateTimeOriginal].decode()
    offset = exposure[piexif.ExifIFD.OffsetTimeOriginal].decode()
    assert len(exposure[piexif.ExifIFD.SubSecTimeOriginal]) == 3
    assert len(exposure[piexif.ExifIFD.ImageUniqueID]) == 32
    name = f"cinepi_{original.replace(':', '').replace(' ', '_')}"
    assert document.filename.startswith(name)
    assert offset == time.strftime("%z")[:3] + ":" + time.strftime("%z")[3:]


def test_exif_alone_restores_the_index(taker: Taker, store: Store) -> None:
    """What the journal says of a picture can be found out from its file."""
    order = Order("frame", due=time.monotonic(), session="20261123_093000_ab12", slot=7)
    document = taker.take(order, SETTINGS, nothing)
    assert describe(store, document.filename, has_digest=True).document == document


def test_picture_without_exif_is_described_by_its_name(
    taker: Taker, store: Store, bench: Bench
) -> None:
    """A whole picture of another maker is a snapshot at the time of its name."""
    jpeg = taker.preview_of(taker.take(SNAPSHOT, SETTINGS, nothing).filename)
    name = "cinepi_20200101_120000.jpg"
    (bench.layout.captures / name).write_bytes(jpeg)
    document = describe(store, name, has_digest=True).document
    assert (document.kind, document.width, document.session) == ("snapshot", 800, None)
    assert document.taken_at.startswith(
        time.strftime("%Y-%m-%dT%H", time.gmtime(1577880000 + time.timezone))
    )


def test_lateness_is_against_the_slot(taker: Taker, bench: Bench) -> None:
    """The document says how long after its slot the exposure began."""
    taker.take(SNAPSHOT, SETTINGS, nothing)
    document = taker.take(Order("frame", due=bench.clock.monotonic() - 2), SETTINGS, nothing)
    assert document.late_ms == pytest.approx(2000, abs=200)


def test_pictures_of_one_second_are_numbered(taker: Taker, bench: Bench) -> None:
    """Also when the clock is set back, no picture takes the place of another."""
    names = [taker.take(SNAPSHOT, SETTINGS, nothing).filename for _ in range(3)]
    bench.clock.offset -= 1
    names += [taker.take(SNAPSHOT, SETTINGS, nothing).filename for _ in range(3)]
    assert sorted(names) == files(bench)


def test_reserve_is_left_alone(taker: Taker, bench: Bench, journal: Journal) -> None:
    """Below the reserve no picture is taken, and the error says how much is free."""
    with pytest.raises(StorageFullError, match="MB are free and 1000000 MB of them"):
        taker.take(SNAPSHOT, CaptureSettings(reserve_mb=1_000_000), nothing)
    assert files(bench) == []
    assert journal.capture_totals() == (0, 0)


def test_only_the_exposure_is_real_time(
    camera: Camera, store: Store, bench: Bench, journal: Journal
) -> None:
    """Encoding at that priority would starve all else; threads would inherit it."""
    seen: list[str] = []
    taker = Taker(
        camera,
        store,
        journal,
        bench.clock,
        on_exposed=lambda: seen.append(f"exposed beside {_threads()}"),
    )
    taker.take(SNAPSHOT, SETTINGS, lambda _tx, _document: seen.append("kept"))
    assert seen == ["exposed beside []", "kept"]
    faults.write(bench.layout, "unplug")
    with pytest.raises(CameraUnavailableError):
        taker.take(SNAPSHOT, SETTINGS, nothing)
    assert seen[2:] == ["exposed beside []"]


def _threads() -> list[str]:
    """Those that make something of a picture."""
    names = [thread.name for thread in threading.enumerate()]
    return [name for name in names if name in {"preview", "digest"}]


def test_failed_transaction_leaves_no_file(taker: Taker, bench: Bench, journal: Journal) -> None:
    """A picture that the journal could not record is not left behind."""

    def also(transaction: Transaction, document: CaptureDocument) -> None:
        raise StorageFullError(f"no room for {document.filename} in {transaction}")

    with pytest.raises(StorageFullError):
        taker.take(SNAPSHOT, SETTINGS, also)
    assert files(bench) == []
    assert journal.capture_totals() == (0, 0)
    taker.take(SNAPSHOT, SETTINGS, nothing)


@pytest.mark.parametrize("call", ["unlink", "fsync"])
def test_a_file_that_could_not_be_deleted_goes_at_the_next_look(
    taker: Taker, bench: Bench, journal: Journal, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """The journal fails, then the disk: what is left is no picture, and nobody has to start anew.

    Deleted is what would stay so after a power cut.
    """
    synced: list[int] = []
    fsync = os.fsync

    def note(descriptor: int) -> None:
        synced.append(descriptor)
        fsync(descriptor)

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    def also(transaction: Transaction, document: CaptureDocument) -> None:
        monkeypatch.setattr(os, call, fail)
        raise StorageFullError(f"no room for {document.filename} in {transaction}")

    with pytest.raises(StorageFullError):
        taker.take(SNAPSHOT, SETTINGS, also)
    with pytest.raises(InternalError):
        taker.tidy()
    monkeypatch.undo()
    monkeypatch.setattr(os, "fsync", note)
    taker.tidy()
    assert files(bench) == []
    assert len(synced) == 1
    taker.tidy()
    assert len(synced) == 1
    document = taker.take(SNAPSHOT, SETTINGS, nothing)
    taker.tidy()
    assert files(bench) == [document.filename]
    assert journal.capture_totals()[0] == 1


def test_nothing_is_tidied_while_a_picture_is_stored(
    taker: Taker, bench: Bench, store: Store
) -> None:
    """A name that has become free may be that of a picture which the journal gets just now."""

    def also(transaction: Transaction, document: CaptureDocument) -> None:
        del transaction
        store.leftover.add(document.filename)
        looking = threading.Thread(target=taker.tidy, name="looking")
        looking.start()
        looking.join(5)
        assert not looking.is_alive()

    document = taker.take(SNAPSHOT, SETTINGS, also)
    taker.tidy()
    assert files(bench) == [document.filename]
    assert store.leftover == set()


def test_camera_that_fails_leaves_nothing(taker: Taker, bench: Bench, journal: Journal) -> None:
    """Without a picture there is no file and no row."""
    faults.write(bench.layout, "unplug")
    with pytest.raises(CameraUnavailableError):
        taker.take(SNAPSHOT, SETTINGS, nothing)
    assert files(bench) == []
    assert journal.captures(Filter()).captures == ()


def test_preview_is_small(taker: Taker) -> None:
    """The newest picture's preview is there at once, older ones are made of their files."""
    first = taker.take(SNAPSHOT, SETTINGS, nothing).filename
    second = taker.take(SNAPSHOT, SETTINGS, nothing).filename
    for jpeg, width in ((taker.preview_of(second), 800), (taker.preview_of(first), 480)):
        assert len(jpeg) <= PREVIEW_LIMIT
        height, found, _, _ = simplejpeg.decode_jpeg_header(jpeg)
        assert found == width
        assert found / height == pytest.approx(16 / 9, rel=0.02)


def test_learns_what_is_typical(taker: Taker) -> None:
    """Size and time of a picture are learned from those that were taken."""
    assert taker.typical_bytes == 0
    size = taker.take(SNAPSHOT, SETTINGS, nothing).size
    assert taker.typical_bytes == size
    smaller = taker.take(SNAPSHOT, CaptureSettings(reserve_mb=16, quality=30), nothing).size
    assert smaller < taker.typical_bytes < size
    assert 0 < taker.typical_seconds < 5
