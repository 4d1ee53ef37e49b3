"""A simulated camera in a place of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cinepi.camera import calls
from cinepi.camera.backends.simulated import backend as simulated
from cinepi.paths import Layout
from tests.unit.camera.bench import Bench, MovingClock


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A place of its own for each test."""
    return Layout(tmp_path)


@pytest.fixture
def bench(layout: Layout) -> Iterator[Bench]:
    """A bench for one camera."""
    bench = Bench(layout, MovingClock())
    yield bench
    for camera in bench.cameras:
        camera.close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make hangs show after a fifth of a second instead of four."""
    monkeypatch.setattr(simulated.Backend, "margin", 0.1)
    monkeypatch.setattr(calls, "_GRACE", 0.1)
