"""A disk for the pictures that can be pulled out: a folder on another file system, and a link."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def stick() -> Iterator[Path]:
    """A folder on another file system than the roots of the tests."""
    memory = Path("/dev/shm")  # noqa: S108 - no name in it is guessed
    if not memory.is_dir() or memory.stat().st_dev == Path(tempfile.gettempdir()).stat().st_dev:
        pytest.skip("needs /dev/shm beside the folder for temporary files")
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


def plug(captures: Path, stick: Path) -> None:
    """Put the stick where the pictures belong."""
    if captures.is_symlink():
        captures.unlink()
    elif captures.exists():
        shutil.rmtree(captures)
    captures.parent.mkdir(parents=True, exist_ok=True)
    captures.symlink_to(stick)


def unplug(captures: Path) -> None:
    """Leave what lies below the mount point."""
    captures.unlink()
    captures.mkdir()
