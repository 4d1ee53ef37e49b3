"""Brokers that do not allow or take everything: what they do take works."""

import select
import socket
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.broker.running import Operator, RunningBroker, RunningDaemon, wait_for
from tests.faults.proxy import Proxy
from tests.service.running import RunningService


class _Picky(Proxy):
    """Hangs up on whoever publishes to a certain topic."""

    HATED = "test/hated"
    START = len(HATED).to_bytes(2, "big") + HATED.encode()  # as it stands in a packet
    HEADER = 3  # bytes before that in a packet of more than 127
    cuts = 0

    def _forward(self, ready: socket.socket, data: bytes) -> bool:
        place = data.find(self.START)
        if ready.getsockname()[1] != self.port or place < 0:  # the broker's side, or harmless
            return super()._forward(ready, data)
        broker = self._peers[ready]
        broker.sendall(data[: place - self.HEADER])
        while select.select([broker], [], [], 0.3)[0] and (answers := broker.recv(65536)):
            ready.sendall(answers)  # what came before is acknowledged
        self.cuts += 1
        return False


DENIES_DISCOVERY = "topic readwrite cinepi/#\ntopic readwrite test/#\ntopic read homeassistant/#\n"


@pytest.fixture
def start_limited(tmp_path: Path, cleanup: ExitStack) -> Callable[..., tuple[int, Operator]]:
    """Starts a broker with lines of its own; returns its port and somebody who listens there."""

    def start(*lines: str) -> tuple[int, Operator]:
        broker = RunningBroker(tmp_path / "limited", *lines)
        cleanup.callback(broker.stop)
        broker.start()
        operator = Operator(broker.port)
        cleanup.callback(operator.close)
        return broker.port, operator

    return start


@pytest.mark.parametrize("limit", ["max_packet_size 2048", "acl_file {folder}/acl"])
def test_what_home_assistant_cannot_be_told_keeps_nobody_away(
    limit: str,
    start_limited: Callable[..., tuple[int, Operator]],
    service: RunningService,  # noqa: ARG001 - it makes the large documents
    start_daemon: Callable[..., RunningDaemon],
    tmp_path: Path,
) -> None:
    """An announcement that is too large or not allowed is left out; the device is online."""
    (tmp_path / "acl").write_text(DENIES_DISCOVERY)
    port, operator = start_limited(limit.format(folder=tmp_path))
    daemon = start_daemon(broker={"port": port})
    operator.document("camera", connected=True)
    operator.await_online()
    operator.sync()
    said = [line for line in daemon.log() if line["message"] == "Home Assistant is not told"]
    assert len(said) == 1


@pytest.mark.usefixtures("service")
def test_events_that_the_broker_refuses_are_counted_and_logged_once(
    start_limited: Callable[..., tuple[int, Operator]],
    start_daemon: Callable[..., RunningDaemon],
    tmp_path: Path,
) -> None:
    """They are lost to every reader: health says how many, and the log does not fill."""
    (tmp_path / "acl").write_text("topic readwrite #\ntopic deny cinepi/+/event/#\n")
    port, operator = start_limited(f"acl_file {tmp_path}/acl")
    daemon = start_daemon(broker={"port": port})
    operator.document("camera", connected=True)
    operator.await_online()
    for _ in range(3):
        assert operator.ask("snapshot/take")["success"]
    wait_for(lambda: operator.ask("health/check")["data"]["events_lost"] >= 3)
    assert operator.ask("health/check")["data"]["journal_depth"] == 0
    assert operator.events() == []
    said = [line for line in daemon.log() if line["message"] == "an event was not delivered"]
    assert len(said) == 1


def test_a_picture_is_not_cut_into_parts_without_room(
    start_limited: Callable[..., tuple[int, Operator]],
    service: RunningService,
    start_daemon: Callable[..., RunningDaemon],
) -> None:
    """Where a broker takes less than the header of a part, its sender hears so."""
    port, operator = start_limited("max_packet_size 1024")
    start_daemon(broker={"port": port})
    operator.await_online()
    operator.send("snapshot/take", {"id": "taken"})
    operator.answer("snapshot/take", id="taken")
    name = next(service.layout.captures.glob("*.jpg")).name
    operator.send("captures/get", {"id": "get", "filename": name, "as": "full"})
    assert operator.answer("captures/get", id="get")["error"]["code"] == "too_large"


def test_what_is_too_large_is_answered_once_and_shortly(
    start_limited: Callable[..., tuple[int, Operator]],
    service: RunningService,  # noqa: ARG001 - it makes the large documents
    start_daemon: Callable[..., RunningDaemon],
) -> None:
    """On both topics, an answer with data and a refusal with a hundred reasons."""
    port, operator = start_limited("max_packet_size 2048")
    start_daemon(broker={"port": port})
    operator.await_online()
    inbox = "test/inbox"
    operator.send("config/schema", {"id": "data"}, response_topic=inbox)
    assert operator.answer("config/schema", id="data")["error"]["code"] == "too_large"
    operator.send("captures/delete", {"id": "reasons", "filenames": [1] * 100})
    assert operator.answer("captures/delete", id="reasons")["error"]["field"] == "/filenames/0"
    operator.sync()
    assert len(operator.answers("config/schema")) == 1
    assert len([message for message in operator.heard if message.topic == inbox]) == 1


def test_a_response_topic_that_brokers_hang_up_on_is_left_out(
    broker: RunningBroker,
    start_operator: Callable[..., Operator],
    start_daemon: Callable[..., RunningDaemon],
    cleanup: ExitStack,
) -> None:
    """Some do on what is not allowed; the command is answered where answers go anyhow."""
    proxy = _Picky(broker.port)
    cleanup.callback(proxy.close)
    operator = start_operator()
    start_daemon(broker={"port": proxy.port})
    operator.await_online()
    operator.send("system/ping", {"id": "hated"}, response_topic=_Picky.HATED)
    wait_for(lambda: proxy.cuts)
    operator.sync()
    assert proxy.cuts == 2  # it might have been bad luck once


@pytest.mark.parametrize("lack", ["max_qos 0", "retain_available false"])
def test_a_broker_that_cannot_keep_the_will_gets_a_lesser_one(
    lack: str,
    start_limited: Callable[..., tuple[int, Operator]],
    start_daemon: Callable[..., RunningDaemon],
) -> None:
    """MQTT 5 lets it refuse the connection; the device comes again at once."""
    port, operator = start_limited(lack)
    start_daemon(broker={"port": port})
    operator.await_online()
    operator.send("system/ping", {"id": "here"}, qos=0)
    operator.answer("system/ping", id="here")
