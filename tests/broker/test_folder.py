"""The folder of the pictures over MQTT: what is gone, what was found, and which folder is meant."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.broker.running import Operator, wait_for
from tests.service.running import RunningService
from tests.service.stick import plug, stick, unplug


@pytest.fixture
def captures(tmp_path: Path) -> Iterator[Path]:
    """The folder of the pictures, on a disk of its own; to be asked for before the service."""
    with stick() as disk:
        captures = tmp_path / "opt/cinepi/captures"
        plug(captures, disk)
        yield captures


def test_a_new_folder_can_be_accepted(
    captures: Path, service: RunningService, operator: Operator
) -> None:
    """Health says what is wrong, a snapshot is refused with the reason, and a command goes on."""
    gone = service.snapshot().filename
    unplug(captures)
    operator.wait("event/captures_folder_changed")
    refused = operator.ask("snapshot/take")
    assert refused["error"]["code"] == "storage_unavailable"
    health = operator.ask("health/check")["data"]
    assert health["state"] == "failing"
    assert "is not mounted" in health["checks"]["file_system"]["reason"]
    answer = operator.ask("captures/accept", id="mine")
    assert answer["success"]
    assert answer["data"] == {"captures": 1}
    operator.send("captures/accept", {"id": "mine"})
    wait_for(lambda: len(operator.answers("captures/accept", id="mine")) == 2)
    assert operator.answers("captures/accept", id="mine")[1]["data"] == {"captures": 1}
    assert operator.ask("captures/accept")["error"]["code"] == "conflict"
    assert operator.ask("snapshot/take")["success"]
    wait_for(lambda: operator.events("capture_deleted"))
    assert operator.events("capture_deleted")[0]["filenames"] == [gone]
    assert operator.events("captures_folder_settled")[0]["how"] == "accepted"


def test_a_picture_that_is_gone_is_not_promised(
    service: RunningService, operator: Operator
) -> None:
    """No transfer is announced of which no part would ever come."""
    name = operator.ask("snapshot/take")["data"]["filename"]
    (service.layout.captures / name).unlink()
    for what in ("metadata", "preview", "full"):
        answer = operator.ask("captures/get", **{"filename": name, "as": what})
        assert answer["error"]["code"] == "invalid_argument"
    assert operator.ask("captures/list")["data"]["captures"] == []
    (deleted,) = wait_for(lambda: operator.events("capture_deleted"))
    assert (deleted["filenames"], deleted["reason"]) == ([name], "missing")


def test_found_pictures_are_not_shown_as_new(
    service: RunningService, operator: Operator, start_service: Callable[[], RunningService]
) -> None:
    """The newest picture stays the one that was taken last, and nothing tells of a new one."""
    newest = operator.ask("snapshot/take")["data"]["filename"]
    operator.document("capture", filename=newest)
    content = (service.layout.captures / newest).read_bytes()
    service.terminate()
    for second in range(5):
        copy = service.layout.captures / f"cinepi_20200101_00000{second}.jpg"
        copy.write_bytes(content.replace(b"Exif", b"Exit"))  # only the name has a time then
    start_service()
    assert operator.wait("event/captures_found").json["count"] == 5
    operator.sync()
    assert len(operator.events("capture_stored")) == 1
    assert operator.newest("capture") is not None
    assert (operator.newest("capture") or {})["filename"] == newest
