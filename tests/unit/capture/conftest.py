"""A simulated camera, a folder and a journal."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cinepi.capture.store import Store
from cinepi.journal.journal import Journal
from cinepi.paths import Layout
from tests.unit.camera.bench import Bench, MovingClock


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A bench for one camera."""
    bench = Bench(Layout(tmp_path), MovingClock())
    yield bench
    for camera in bench.cameras:
        camera.close()


@pytest.fixture
def journal(bench: Bench) -> Iterator[Journal]:
    """An empty journal."""
    journal = Journal(bench.layout.journal, clock=bench.clock, boot="0badcafe")
    yield journal
    journal.close()


@pytest.fixture
def store(bench: Bench) -> Store:
    """An empty folder of pictures."""
    return Store(bench.layout.captures, bench.clock)


@pytest.fixture
def folder(bench: Bench) -> Path:
    """Where the pictures lie."""
    return bench.layout.captures
