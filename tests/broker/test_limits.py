"""Brokers that do not allow or take everything: what they do take works."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.broker.running import Operator, RunningBroker, RunningDaemon
from tests.service.running import RunningService

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
    service: RunningService,
    start_daemon: Callable[..., RunningDaemon],
    tmp_path: Path,
) -> None:
    """An announcement that is too large or not allowed is left out; the device is online."""
    assert service
    (tmp_path / "acl").write_text(DENIES_DISCOVERY)
    port, operator = start_limited(limit.format(folder=tmp_path))
    daemon = start_daemon(broker={"port": port})
    operator.document("camera", connected=True)
    operator.await_online()
    operator.sync()
    said = [line for line in daemon.log() if line["message"] == "Home Assistant is not told"]
    assert len(said) == 1
