"""A service that starts on a disk that is full to the last byte: nobody else could make room."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cinepi.errors import StorageFullError
from cinepi.model.documents import SessionDocument
from cinepi.protocol import CapturesDeleteParams, CapturesDeleteResult
from tests.faults.disk import Disk
from tests.faults.invariants import missed_slots
from tests.service.running import RunningService, wait_for

BYTES = 4096
MADE_ROOM = 20
"""Megabytes of pictures: the reserve of 16, and the next picture."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """Where all of the device lies."""
    disk = Disk(tmp_path, "size=60m")
    yield disk
    disk.close()


def fill_up(disk: Disk) -> None:
    """Leave nothing."""
    with disk.filler.open("ab", buffering=0) as filler:
        try:
            while filler.write(bytes(BYTES)):
                pass
        except OSError:
            return


def started_full(disk: Disk, policy: str, *, megabytes: int = 0, **camera: str) -> RunningService:
    """A service with a session, killed and started again on a full disk without any reserve.

    Before that it has taken snapshots of so many `megabytes`.
    """
    service = RunningService.start(disk.folder, camera=camera, capture={"when_full": policy})
    taken = 0
    while taken < megabytes * 1_000_000:
        taken += service.snapshot().size
    service.start_session()
    service.frames_reach(3)
    service.close()
    (service.layout.journal.with_name("journal.ballast")).unlink()
    fill_up(disk)
    return RunningService.start(disk.folder)


def test_it_waits_for_room(disk: Disk) -> None:
    """It answers and says why it does not go on; pictures can be deleted, and then it does."""
    service = started_full(disk, "pause")
    try:
        with pytest.raises(StorageFullError, match="waits for room"):
            service.call("session.stop", SessionDocument)
        before = service.pictures()
        wanted = CapturesDeleteParams(filenames=tuple(before[:1]))
        service.call("captures.delete", CapturesDeleteResult, wanted)
        disk.empty()
        document = service.frames_reach(4)
        assert document.missed_by["service_down"] > 0
        assert service.events("session_resumed")
    finally:
        service.close()


def test_it_makes_room(disk: Disk) -> None:
    """With `delete_oldest`, that is what it does before it goes on."""
    service = started_full(disk, "delete_oldest", megabytes=MADE_ROOM, resolution="4056x3040")
    try:
        wait_for(lambda: service.events("session_resumed"))
        assert service.events("capture_deleted")[0]["reason"] == "make_room"
    finally:
        service.close()


def test_a_frame_that_is_in_no_index_counts_once(disk: Disk) -> None:
    """It was on the disk when the power went, and the next start had no room to note it."""
    service = RunningService.start(disk.folder, capture={"when_full": "pause"})
    service.start_session()
    service.frames_reach(3)
    service.close()
    journal = service.layout.journal
    before = {path: path.read_bytes() for path in journal.parent.glob(f"{journal.name}*")}
    service = RunningService.start(disk.folder)
    service.frames_reach(5)
    service.close()
    for path in journal.parent.glob(f"{journal.name}*"):
        path.unlink()
    for path, content in before.items():
        path.write_bytes(content)
    journal.with_name("journal.ballast").unlink()
    fill_up(disk)
    service = RunningService.start(disk.folder)
    try:
        disk.empty()
        service.frames_reach(6)
        frames = [int(str(event["frame"])) for event in service.events("capture_stored")]
        told = [*frames, *missed_slots(service.events("frames_missed"))]
        assert sorted(told) == list(range(len(told)))
        assert len(service.events("service_started")) == 2
        assert len(frames) == len(service.pictures())
    finally:
        service.close()
