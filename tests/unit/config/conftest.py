import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from cinepi.paths import Layout


@dataclass
class HandClock:
    """A clock that stands still until a test moves it."""

    now: float = datetime(2026, 11, 23, 9, 30).timestamp()  # noqa: DTZ001 - names have local time
    synced: bool = True

    def wall(self) -> float:
        """See `Clock.wall`."""
        return self.now

    def monotonic(self) -> float:
        """See `Clock.monotonic`."""
        return self.now

    def is_synced(self) -> bool:
        """See `Clock.is_synced`."""
        return self.synced


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """An installation of its own, with nothing in it yet."""
    return Layout(tmp_path)


@pytest.fixture
def clock() -> HandClock:
    """A clock at 09:30:00 on 23 November 2026, local time."""
    return HandClock()


@pytest.fixture
def nobody() -> Iterator[Layout]:
    """An installation in a folder of its own, used without root's rights."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        is_root = os.geteuid() == 0
        if is_root:
            os.seteuid(65534)
        try:
            yield Layout(Path(folder))
        finally:
            if is_root:
                os.seteuid(0)
