"""The reserve: what happens when the disk is full, for each policy."""

import json
import time
from collections.abc import Callable

import pytest

from cinepi.clock import rfc3339
from cinepi.errors import StorageFullError
from cinepi.protocol import ConfigChangeResult, ConfigPatchParams, HealthResult, WatchResult
from tests.service.running import RunningService, wait_for
from tests.stalls import counted_stalls

Start = Callable[..., RunningService]

ALL_OF_IT = 1_000_000  # MB: a reserve that no disk of a test machine has free


def patch(service: RunningService, **capture: object) -> None:
    """Change the section `capture`."""
    service.call("config.patch", ConfigChangeResult, ConfigPatchParams(patch={"capture": capture}))


@pytest.mark.alone
def watch(service: RunningService) -> WatchResult:
    """All of the present state."""
    return service.call("watch", WatchResult)


def test_pause_waits_for_space_and_goes_on(service: RunningService) -> None:
    """At the reserve the session pauses and says why; with space again it goes on by itself."""
    patch(service, when_full="pause")
    with counted_stalls() as stalls:
        service.start_session()
        service.frames_reach(1)
        patch(service, reserve_mb=ALL_OF_IT)
        wait_for(lambda: service.session().state == "paused")
        assert service.session().pause_reason == "storage_full"
        wait_for(lambda: service.events("storage_low"))
        frames = service.session().frames
        patch(service, reserve_mb=16)
        document = service.frames_reach(frames + 1)
    assert document.missed_by.get("storage", 0) == 1
    assert document.missed <= 1 + stalls.slots
    assert service.events("session_resumed")[-1]["cause"] == "storage_recovered"
    wait_for(lambda: service.events("storage_recovered"))


def test_stop_ends_the_session(service: RunningService) -> None:
    """At the reserve the session ends with the reason."""
    patch(service, when_full="stop")
    service.start_session()
    service.frames_reach(1)
    patch(service, reserve_mb=ALL_OF_IT)
    wait_for(lambda: service.session().state == "idle")
    assert service.session().end_reason == "storage_full"


def test_nothing_is_deleted_in_vain(service: RunningService) -> None:
    """Where all pictures together would not make room, they stay."""
    patch(service, when_full="delete_oldest")
    names = [service.snapshot().filename for _ in range(3)]
    patch(service, reserve_mb=ALL_OF_IT)
    with pytest.raises(StorageFullError):
        service.snapshot()
    assert sorted(service.pictures()) == names
    assert service.events("capture_deleted") == []


def test_a_snapshot_says_how_much_is_free(service: RunningService) -> None:
    """A single picture is refused with figures, and leaves no trace but the event."""
    patch(service, reserve_mb=ALL_OF_IT)
    with pytest.raises(StorageFullError, match=f"{ALL_OF_IT} MB of them are the reserve"):
        service.snapshot()
    assert service.pictures() == []
    assert service.events("capture_failed")[0]["code"] == "storage_full"


@pytest.mark.parametrize("policy", ["delete_oldest", "pause"])
def test_a_disk_that_stays_full_is_not_said_at_every_picture(
    service: RunningService, policy: str
) -> None:
    """Where there is nothing left to delete, the log says so once, however often it is tried."""
    patch(service, when_full=policy, reserve_mb=ALL_OF_IT)
    service.start_session()
    for _ in range(5):
        with pytest.raises(StorageFullError):
            service.snapshot()
    wait_for(lambda: service.session().missed > (2 if policy == "delete_oldest" else 0))
    said = [json.loads(line)["message"] for line in service.layout.log.read_text().splitlines()]
    assert said.count("disk is full") == 1
    assert said.count("frame missed") == 1


@pytest.mark.parametrize("policy", ["pause", "stop"])
def test_a_snapshot_without_room_leaves_a_waiting_session_alone(
    service: RunningService, policy: str
) -> None:
    """It is refused for want of space, and the session finds out for itself when it begins."""
    patch(service, when_full=policy)
    service.start_session(start_at=rfc3339(time.time() + 3600))
    patch(service, reserve_mb=ALL_OF_IT)
    with pytest.raises(StorageFullError):
        service.snapshot()
    assert service.session().state == "waiting"


def test_low_is_told_once_over_restarts(start_service: Start) -> None:
    """What was announced is remembered, and room that was made meanwhile is told."""
    service = start_service()
    service.snapshot()
    patch(service, reserve_mb=ALL_OF_IT)
    wait_for(lambda: service.events("storage_low"))
    service.terminate()
    service = start_service()
    wait_for(lambda: watch(service).storage.state == "full")
    with pytest.raises(StorageFullError):
        service.snapshot()
    service.terminate()
    config = service.layout.config
    config.write_text(config.read_text().replace(str(ALL_OF_IT), "16"))
    service = start_service()
    wait_for(lambda: service.events("storage_recovered"))
    assert len(service.events("storage_low")) == 1


def test_a_broken_disk_silences_nobody(service: RunningService) -> None:
    """`watch` answers with a document that says what is wrong; health says so as well."""
    service.snapshot()
    assert watch(service).storage.free_bytes > 0
    captures = service.layout.captures
    captures.rename(captures.with_name("aside"))
    captures.symlink_to(captures)
    storage = watch(service).storage
    assert storage.state == "failing"
    assert "Too many levels of symbolic links" in (storage.problem or "")
    assert storage.free_bytes > 0
    health = service.call("health.get", HealthResult)
    assert health.file_system.state == "failing"
    assert "Too many levels of symbolic links" in health.file_system.reason
    captures.unlink()
    captures.with_name("aside").rename(captures)
    wait_for(lambda: watch(service).storage.state == "ok")
