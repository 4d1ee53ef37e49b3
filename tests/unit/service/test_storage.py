"""What is said about the disk."""

from pathlib import Path

import pytest

from cinepi.camera.camera import Camera
from cinepi.capture.store import Store
from cinepi.capture.take import Taker
from cinepi.errors import InternalError
from cinepi.journal.journal import Journal
from cinepi.model.settings import CameraSettings, CaptureSettings
from cinepi.paths import Layout
from cinepi.service.storage import Storage
from cinepi.timing.keeper import SessionKeeper
from tests.unit.camera.bench import MovingClock

ALL_OF_IT = 1_000_000  # MB


def test_what_could_not_be_announced_is_announced_later(tmp_path: Path) -> None:
    """A journal that fails at the first look hears of the full disk at the next."""
    layout, clock = Layout(tmp_path), MovingClock()
    journal = Journal(layout.journal, clock=clock, boot="0badcafe")
    store = Store(layout.captures, clock)
    camera = Camera(
        CameraSettings(),
        layout=layout,
        clock=clock,
        on_change=lambda: None,
        on_event=lambda _: None,
        give_up=lambda _: None,
    )
    shown: list[str] = []
    storage = Storage(
        store=store,
        taker=Taker(camera, store, journal, clock),
        journal=journal,
        keeper=SessionKeeper(journal, clock, on_change=lambda: None),
        clock=clock,
        settings=lambda: CaptureSettings(reserve_mb=ALL_OF_IT),
        on_change=lambda: shown.append(storage.document().state),
    )
    with journal.transaction(), pytest.raises(InternalError, match="inside another"):
        storage.check()
    assert shown == ["full"]
    storage.check()
    storage.check()
    assert [entry.type for entry in journal.events(0, 10).events] == ["storage_low"]
    journal.close()
