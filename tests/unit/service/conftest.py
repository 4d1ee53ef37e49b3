"""All parts of a service on the simulated camera, of which nothing runs; no process, no thread."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cinepi.journal.journal import Journal
from cinepi.paths import Layout
from cinepi.service.assembly import assemble, register_documents
from cinepi.service.in_force import InForce
from cinepi.service.parts import Parts
from tests.unit.camera.bench import MovingClock


@pytest.fixture
def clock() -> MovingClock:
    """A clock that a test moves."""
    return MovingClock()


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """An installation whose camera is the simulated one."""
    layout = Layout(tmp_path)
    layout.config.parent.mkdir(parents=True)
    layout.config.write_text(
        "camera:\n  backend: simulated\n  resolution: 640x480\ncapture:\n  reserve_mb: 16\n"
    )
    return layout


@pytest.fixture
def journal(layout: Layout, clock: MovingClock) -> Iterator[Journal]:
    """An empty journal."""
    journal = Journal(layout.journal, clock=clock, boot="0badcafe")
    yield journal
    journal.close()


@pytest.fixture
def parts(layout: Layout, clock: MovingClock, journal: Journal) -> Iterator[Parts]:
    """Everything, put together as the service does it."""
    parts = assemble(layout, clock, journal, InForce.begin(layout, clock, journal))
    register_documents(parts)
    yield parts
    parts.camera.close()
