from pathlib import Path

import pytest

from cinepi.paths import Layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A place of its own for each test."""
    return Layout(tmp_path)
