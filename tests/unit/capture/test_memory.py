from cinepi.capture.shot import Order
from cinepi.capture.store import Store
from cinepi.capture.take import Taker
from cinepi.journal.journal import Journal
from cinepi.model.settings import CameraSettings, CaptureSettings
from tests.machine import resident_mb
from tests.unit.camera.bench import Bench


def test_memory_goes_back_while_resting(bench: Bench, store: Store, journal: Journal) -> None:
    """After pictures of 12 megapixels a resting camera leaves neither frame nor file in memory."""
    camera = bench.camera(CameraSettings())
    taker = Taker(camera, store, journal, bench.clock)
    settings = CaptureSettings(reserve_mb=16)
    names = [
        taker.take(Order("snapshot"), settings, lambda _transaction, _document: None).filename
        for _ in range(4)
    ]
    taker.preview_of(names[0])
    before = resident_mb()
    camera.rest()
    assert before - resident_mb() > 22  # the frame is 18.5
