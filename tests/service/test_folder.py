"""The folder of the pictures is another one than before: nothing is deleted, nothing misplaced."""

import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from cinepi.capture.folder import MANY
from cinepi.errors import ConflictError, StorageUnavailableError
from cinepi.protocol import HealthResult
from tests.service.running import RunningService, wait_for
from tests.service.stick import plug, unplug
from tests.service.stick import stick as another_disk

Start = Callable[..., RunningService]


@pytest.fixture
def stick() -> Iterator[Path]:
    """A folder on another file system than the root of the tests."""
    with another_disk() as folder:
        yield folder


@pytest.fixture
def plugged(stick: Path, tmp_path: Path) -> Path:
    """The folder of the pictures, which is on the stick."""
    captures = tmp_path / "opt/cinepi/captures"
    plug(captures, stick)
    return captures


def health(service: RunningService) -> tuple[str, str]:
    """State and reason of the check of the folder."""
    check = service.call("health.get", HealthResult).file_system
    return check.state, check.reason


def is_failing(service: RunningService) -> bool:
    """Whether the check of the folder fails."""
    return health(service)[0] == "failing"


def test_a_disk_that_is_not_mounted_at_the_start(
    start_service: Start, plugged: Path, stick: Path
) -> None:
    """The card below is not filled, nothing is told as deleted, and it goes on when it is back."""
    service = start_service()
    names = [service.snapshot().filename for _ in range(20)]
    service.start_session()
    frames = service.frames_reach(1).frames
    service.kill()
    unplug(plugged)
    service = start_service()
    assert is_failing(service)
    assert "is not mounted" in health(service)[1]
    with pytest.raises(StorageUnavailableError, match="is not mounted"):
        service.snapshot()
    wait_for(lambda: service.session().missed_by.get("storage", 0) >= 2)
    assert service.pictures() == []
    changed = wait_for(lambda: service.events("captures_folder_changed"))
    assert len(changed) == 1
    before = len(service.events("capture_stored"))
    plug(plugged, stick)
    service.frames_reach(frames + 2)
    assert wait_for(lambda: service.events("captures_folder_settled"))[0]["how"] == "back"
    assert health(service)[0] == "ok"
    assert service.events("capture_deleted") == []
    assert set(names) < set(service.pictures())
    stored = [event["filename"] for event in service.events("capture_stored")]
    assert len(stored) == len(set(stored))
    assert not set(names) & set(stored[before:])


def test_a_disk_that_goes_in_mid_session(start_service: Start, plugged: Path, stick: Path) -> None:
    """No picture lands on the card; the session goes on by itself with the disk."""
    service = start_service()
    service.start_session()
    service.frames_reach(2)
    unplug(plugged)
    wait_for(lambda: service.session().missed_by.get("storage", 0) >= 2)
    assert service.pictures() == []
    wait_for(lambda: is_failing(service))
    frames = service.session().frames
    plug(plugged, stick)
    service.frames_reach(frames + 2)
    wait_for(lambda: health(service)[0] == "ok")
    assert service.events("capture_deleted") == []


def test_what_is_told_once_is_not_told_at_each_start(
    start_service: Start, plugged: Path, stick: Path
) -> None:
    """Restarts in between say nothing, and one after the disk is back says that it is."""
    service = start_service()
    service.snapshot()
    service.terminate()
    unplug(plugged)
    for _ in range(2):
        service = start_service()
        wait_for(partial(service.events, "captures_folder_changed"))
        service.terminate()
    plug(plugged, stick)
    service = start_service()
    wait_for(lambda: service.events("captures_folder_settled"))
    assert len(service.events("captures_folder_changed")) == 1


def test_another_folder_can_be_accepted(start_service: Start, plugged: Path) -> None:
    """Then pictures go on there, and those that are not in it are told as missing."""
    service = start_service()
    lost = service.snapshot().filename
    with pytest.raises(ConflictError, match="is the known one"):
        service.call_raw("captures.accept", {})
    service.terminate()
    unplug(plugged)
    service = start_service()
    assert service.call_raw("captures.accept", {}) == {"captures": 1}
    assert service.snapshot().filename in service.pictures()
    deleted = wait_for(lambda: service.events("capture_deleted"))
    assert [(event["filenames"], event["reason"]) for event in deleted] == [([lost], "missing")]
    assert service.events("captures_folder_settled")[0]["how"] == "accepted"
    service.terminate()
    service = start_service()
    assert not is_failing(service)


def test_a_link_to_nothing_is_told_and_waited_for(
    start_service: Start, plugged: Path, stick: Path
) -> None:
    """The service starts, says where the link leads, and goes on when the disk is there."""
    service = start_service()
    service.snapshot()
    service.terminate()
    plugged.unlink()
    plugged.symlink_to("/nowhere/captures")
    service = start_service()
    state, reason = health(service)
    assert state == "failing"
    assert "is a link to /nowhere/captures, which is not there: is the disk mounted?" in reason
    with pytest.raises(StorageUnavailableError, match="is the disk mounted"):
        service.snapshot()
    plug(plugged, stick)
    wait_for(lambda: health(service)[0] == "ok")
    assert service.snapshot().filename in service.pictures()


def test_an_emptied_folder_is_no_deletion_and_costs_no_frame(start_service: Start) -> None:
    """Many pictures gone with their folder, on the disk where they were: told, and kept in mind."""
    service = start_service()
    service.copy_picture(MANY)
    service.terminate()
    captures, aside = service.layout.captures, service.layout.captures.with_name("aside")
    service = start_service()
    service.terminate()
    captures.rename(aside)
    service = start_service()
    assert is_failing(service)
    assert service.snapshot().filename in service.pictures()
    wait_for(lambda: service.events("captures_folder_changed"))
    assert service.events("capture_deleted") == []
    shutil.rmtree(captures)
    aside.rename(captures)
    wait_for(lambda: service.events("captures_folder_settled"))
    wait_for(lambda: health(service)[0] == "ok")
