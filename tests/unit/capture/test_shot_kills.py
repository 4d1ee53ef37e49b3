"""kill -9 before each call that stores or deletes a shot: no start finds half of one as whole."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cinepi.capture.reconcile import reconcile
from cinepi.capture.removal import finish_removals
from cinepi.capture.store import Store
from cinepi.clock import SystemClock
from cinepi.journal.journal import Journal
from cinepi.paths import Layout
from tests.unit.capture.dying import FILES
from tests.unit.formats.adding import NOTE, companion


@pytest.fixture
def with_notes(tmp_path: Path) -> Iterator[None]:
    """The format that the dead had, too."""
    with companion(tmp_path / "more", NOTE):
        yield


def after_each_call(what: str, place: Path) -> list[Layout]:
    """What was left by processes that did one call more than the one before; the last did all."""
    place.mkdir()
    subprocess.run(
        [sys.executable, "-m", "tests.unit.capture.dying", what, str(place)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        check=True,
        timeout=60,
    )
    found = [place / str(number) for number in range(len(list(place.iterdir())))]
    return [Layout(path) for path in found if path.exists()]


def started(layout: Layout) -> Journal:
    """The journal after the next start; the caller closes it."""
    journal = Journal(layout.journal, clock=SystemClock(), boot="parent")
    store = Store(layout.captures, SystemClock())
    finish_removals(store, journal)
    for _ in reconcile(store, journal):
        pass
    return journal


def stored(layout: Layout) -> set[str]:
    """The endings of the files that are in the folder, each of them whole."""
    found = {}
    for path in layout.captures.iterdir():
        if path.is_file():
            found[path.name.partition(".")[2]] = path.read_bytes()
    assert all(b"".join(FILES[ending]) == content for ending, content in found.items())
    return set(found)


@pytest.mark.usefixtures("with_notes")
@pytest.mark.parametrize("what", ["write", "write-exfat", "delete"])
def test_a_shot_is_whole_or_not_there(tmp_path: Path, what: str) -> None:
    """After the start, folder and index agree on all of its files, or on none of them."""
    outcomes = []
    for layout in after_each_call(what, tmp_path / "dead"):
        journal = started(layout)
        captures = [journal.capture(name) for name in journal.capture_names()]
        told = {name.partition(".")[2] for each in captures if each for name in each.filenames}
        journal.close()
        assert stored(layout) == told
        assert told in (set(), set(FILES))
        outcomes.append(bool(told))
    assert len(outcomes) >= 6
    is_stored = what != "delete"
    assert outcomes == sorted(outcomes, reverse=not is_stored)  # it changes once
    assert outcomes[0] != is_stored
    assert outcomes[-1] == is_stored
