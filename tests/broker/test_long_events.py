"""An event that no message holds, as an earlier version could write it, holds up nothing."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from cinepi.clock import SystemClock
from cinepi.journal.events import LONGEST
from cinepi.journal.journal import Journal
from cinepi.model.events import StorageRecovered
from cinepi.paths import Layout
from tests.broker.running import Operator, RunningDaemon
from tests.service.running import RunningService

LONG = {  # names of pictures: more than a line of the socket holds, and than an answer over MQTT
    "line": 160_000,
    "answer": 3_000,
    "just too long": 2_000,
}
LONGEST_TOLD = 1_900


def _write_long_event(root: Path, names: int) -> int:
    """Let the second of three events name so many pictures; returns its length."""
    path = Layout(root).journal
    path.parent.mkdir(parents=True, exist_ok=True)
    journal = Journal(path, clock=SystemClock(), boot="00000000")
    with journal.transaction() as tx:
        for number in range(3):
            tx.append(StorageRecovered(free_bytes=number))
    journal.close()
    event = {"type": "capture_deleted", "filenames": ["x" * 26] * names, "reason": "missing"}
    data = msgspec.json.encode(event)
    with sqlite3.connect(path) as connection:
        connection.execute(
            "UPDATE event SET type = 'capture_deleted', data = ? WHERE seq = 2", (data,)
        )
    connection.close()
    return len(data)


@pytest.mark.parametrize("names", LONG.values(), ids=LONG)
def test_the_events_behind_it_come(
    tmp_path: Path,
    start_operator: Callable[..., Operator],
    start_service: Callable[[], RunningService],
    start_daemon: Callable[..., RunningDaemon],
    names: int,
) -> None:
    """It is told by seq, type and length; commands are answered, and a replay goes past it too."""
    length = _write_long_event(tmp_path, names)
    operator = start_operator()
    start_service()
    start_daemon()
    third = operator.wait("event/storage_recovered", lambda heard: heard.json["seq"] == 3)
    assert third.json["free_bytes"] == 2
    [told] = operator.events("event_omitted")
    assert (told["seq"], told["omitted"], told["size_bytes"]) == (2, "capture_deleted", length)
    replay = operator.ask("events/replay", after=1)
    assert [event["seq"] for event in replay["data"]["events"]][:2] == [2, 3]
    assert operator.ask("session/get")["success"]


def test_the_longest_event_of_all_is_replayed(
    tmp_path: Path,
    start_operator: Callable[..., Operator],
    start_service: Callable[[], RunningService],
    start_daemon: Callable[..., RunningDaemon],
) -> None:
    """What is told live fits into an answer to `events/replay` as well."""
    length = _write_long_event(tmp_path, LONGEST_TOLD)
    assert 0.95 * LONGEST < length <= LONGEST
    operator = start_operator()
    start_service()
    start_daemon()
    told = operator.wait("event/capture_deleted").json
    assert len(told["filenames"]) == LONGEST_TOLD
    replay = operator.ask("events/replay", after=1)
    assert replay["data"]["events"][0]["seq"] == 2
