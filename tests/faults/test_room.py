"""A full disk whose index knows pictures that somebody has moved away."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.disk import Disk
from tests.service.running import RunningService, wait_for
from tests.stalls import counted_stalls

MANY_GONE = 4000
RESERVE = 16_000_000
ROOM = 200_000


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """Where all of the device lies."""
    disk = Disk(tmp_path, "size=90m")
    yield disk
    disk.close()


@pytest.mark.alone
def test_entries_without_a_file_cost_no_frame(disk: Disk) -> None:
    """Room is made by real pictures, however many of the index are gone: no slot is missed for it.

    At most one slot may be, in which the room is made.
    """
    service = RunningService.start(disk.folder, capture={"when_full": "delete_oldest"})
    original = service.layout.captures / service.snapshot().filename
    for number in range(MANY_GONE):
        minute, second = divmod(number % 3600, 60)
        copy = f"cinepi_20200101_{number // 3600:02}{minute:02}{second:02}.jpg"
        os.link(original, service.layout.captures / copy)
    service.terminate()
    service.close()
    service = RunningService.start(disk.folder)
    try:
        for _ in range(25):
            service.snapshot()
        for gone in service.layout.captures.glob("cinepi_2020*"):
            gone.unlink()
        with counted_stalls() as stalls:
            service.start_session()
            service.frames_reach(2)
            disk.leave(RESERVE + ROOM)
            wait_for(lambda: service.events("capture_deleted"))
            service.frames_reach(service.session().frames + 3)
        assert service.session().missed_by.get("storage", 0) == 0
        assert service.session().missed <= 1 + stalls.slots
        deleted = service.events("capture_deleted")
        assert {event["reason"] for event in deleted} == {"make_room"}
        assert "cinepi_2020" not in str(deleted)
    finally:
        service.close()
