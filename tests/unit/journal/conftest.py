"""A journal in a folder of its own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cinepi.clock import SystemClock
from cinepi.journal.journal import Journal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database lies."""
    return tmp_path / "state" / "journal.db"


@pytest.fixture
def reopen(path: Path) -> Iterator[Callable[..., Journal]]:
    """Open the journal, again if need be, and close whatever was opened at the end."""
    opened: list[Journal] = []

    def reopen(**options: int) -> Journal:
        for journal in opened:
            journal.close()
        opened.append(Journal(path, clock=SystemClock(), boot="0badcafe", **options))
        return opened[-1]

    yield reopen
    for journal in opened:
        journal.close()


@pytest.fixture
def journal(reopen: Callable[..., Journal]) -> Journal:
    """A new journal with the usual bounds."""
    return reopen()
