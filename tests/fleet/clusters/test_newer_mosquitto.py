"""Debian trixie's mosquitto with its own limits, which count QoS 0 too, and very many devices."""

import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.broker.running import listens, wait_for
from tests.fleet.clusters.engine import ROOT, Cluster, folder_of
from tests.fleet.operator import Ctl
from tests.machine import free_port

DEVICES = 1200


@pytest.fixture
def ctl(tmp_path: Path, stack: ExitStack) -> Ctl:
    """The operator, on a broker with more devices than its queue for one client holds."""
    folder = folder_of(ROOT, tmp_path / "engine")
    engine = Cluster(ROOT, folder, "mosquitto")
    stack.callback(engine.close)
    port = free_port()
    lines = (f"listener {port} 127.0.0.1", "allow_anonymous true", "user root", "log_type none")
    (folder / "mosquitto.conf").write_text("\n".join((*lines, "")))
    engine.run("mosquitto", "exec mosquitto -c /srv/test/mosquitto.conf", {})
    wait_for(lambda: listens(port))
    module = "benchmarks.parts.simulated_fleet"
    words = ("--port", str(port), "--devices", str(DEVICES), "--capture-s", "0")
    fleet = subprocess.Popen(
        [sys.executable, "-m", module, *words], stdout=subprocess.PIPE, text=True
    )
    stack.callback(fleet.wait, 20)
    stack.callback(fleet.terminate)
    assert fleet.stdout
    stack.callback(fleet.stdout.close)
    assert "online" in fleet.stdout.readline()
    return Ctl(port, tmp_path)


def test_what_it_drops_is_asked_for_again(ctl: Ctl) -> None:
    """All devices are listed and all answer; doctor says which limit to raise."""
    assert len(ctl.ok("ls", "--json").json) == DEVICES
    for _ in range(3):
        assert len(ctl.ok("snapshot", "--all", "--json").json["ok"]) == DEVICES
    said = ctl("doctor").out
    assert f"all {DEVICES} answer" in said
    assert "max_queued_messages" in said
