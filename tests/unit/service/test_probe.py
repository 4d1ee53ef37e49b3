"""The probe does what a picture needs, leaves nothing, and says why it cannot."""

import os
import tempfile
from pathlib import Path

import pytest

from cinepi.errors import PermissionDeniedError, StorageUnavailableError
from cinepi.service.probe import WRITE_EVERY, FolderProbe
from tests.unit.camera.bench import MovingClock
from tests.unit.test_disk import NOBODY


def test_it_writes_seldom_and_leaves_nothing(tmp_path: Path) -> None:
    """A card is worn by what is written: the folder changes at the first look, and much later."""
    clock = MovingClock()
    probe = FolderProbe(tmp_path, clock)
    probe.measure()
    assert list(tmp_path.iterdir()) == []
    os.utime(tmp_path, (0, 0))
    probe.measure()
    assert tmp_path.stat().st_mtime == 0
    clock.offset += WRITE_EVERY + 1
    probe.measure()
    assert tmp_path.stat().st_mtime > 0
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_has_gone_is_told_at_each_look(tmp_path: Path) -> None:
    """And it is well again as soon as it is back."""
    folder = tmp_path / "captures"
    folder.mkdir()
    probe = FolderProbe(folder, MovingClock())
    probe.measure()
    folder.rmdir()
    for _ in range(2):
        with pytest.raises(StorageUnavailableError, match="No such file"):
            probe.measure()
    folder.mkdir()
    assert probe.measure() > 0


def test_another_users_folder_is_told_with_its_owner() -> None:
    """Whose it is that is in the way."""
    if os.geteuid() != 0:
        pytest.skip("only root can be two users")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        probe = FolderProbe(Path(folder), MovingClock())
        os.seteuid(NOBODY)
        try:
            with pytest.raises(PermissionDeniedError, match="belongs to root"):
                probe.measure()
        finally:
            os.seteuid(0)
