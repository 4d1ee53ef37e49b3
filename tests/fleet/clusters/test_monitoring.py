"""The monitoring of docs/fleet/monitoring: exporter, Prometheus, alarms and Grafana's queries."""

import json
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.broker.running import RunningBroker, listens, wait_for
from tests.fleet.clusters.engine import DOCUMENTED, ROOT, Cluster, folder_of
from tests.machine import free_port

MONITORING = DOCUMENTED / "monitoring"


class Prometheus:
    """A Prometheus, as the documentation sets it up."""

    def __init__(self, port: int) -> None:
        """It listens here."""
        self._url = f"http://127.0.0.1:{port}/api/v1"
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def is_ready(self) -> bool:
        """Whether it has read what it stored."""
        try:
            self._get("alerts")
        except urllib.error.URLError:
            return False
        return True

    def ask(self, expression: str) -> list[Any]:
        """The result of a query."""
        found: list[Any] = self._get("query", query=expression)["result"]
        return found

    def alarms(self) -> dict[str, str]:
        """What is firing or about to, by the device."""
        alerts = self._get("alerts")["alerts"]
        return {alert["labels"]["device"]: alert["labels"]["alertname"] for alert in alerts}

    def _get(self, what: str, **words: str) -> Any:
        query = urllib.parse.urlencode(words)
        with self._opener.open(f"{self._url}/{what}?{query}", timeout=20) as answer:
            found = json.load(answer)
        assert found["status"] == "success"
        return found["data"]


@pytest.fixture
def prometheus(
    empty_broker: RunningBroker,
    simulate: Callable[..., None],
    tmp_path: Path,
    stack: ExitStack,
) -> Prometheus:
    """Three simulated devices, the exporter and Prometheus."""
    simulate(3, "--health-s", "1")
    folder = folder_of(ROOT, tmp_path / "engines")
    engines = Cluster(ROOT, folder, "Prometheus")
    stack.callback(engines.close)
    exporter, port = free_port(), free_port()
    config = (MONITORING / "mqtt-exporter.yaml").read_text()
    config = config.replace("tcp://broker.lan:1883", f"tcp://127.0.0.1:{empty_broker.port}")
    (folder / "exporter.yaml").write_text(config.replace("timeout: 2m", "timeout: 10s"))
    where = f"-listen-address 127.0.0.1 -listen-port {exporter}"
    command = f"exec prometheus-mqtt-exporter -config /srv/test/exporter.yaml {where}"
    engines.run("exporter", command, {})
    config = (MONITORING / "prometheus.yaml").read_text().replace("9641", str(exporter))
    (folder / "prometheus.yaml").write_text(config.replace("15s", "1s"))
    rules = (MONITORING / "rules.yaml").read_text()
    (folder / "cinepi-rules.yaml").write_text(rules)
    words = f"--web.listen-address=127.0.0.1:{port} --storage.tsdb.path=/srv/test/data"
    command = f"exec prometheus --config.file=/srv/test/prometheus.yaml {words}"
    engines.run("prometheus", command, {})
    found = Prometheus(port)
    wait_for(lambda: listens(exporter) and found.is_ready(), limit=60)
    wait_for(lambda: len(found.ask("cinepi_health")) == 3, limit=60)
    return found


def test_every_panel_of_the_dashboard_has_something_to_show(prometheus: Prometheus) -> None:
    """Each query of the Grafana dashboard finds all devices, by their own names."""
    dashboard = json.loads((MONITORING / "dashboard.json").read_text())
    devices = {"sim-0000", "sim-0001", "sim-0002"}
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            expression = target["expr"].replace("$device", ".*")

            def found(expression: str = expression) -> list[Any]:
                return prometheus.ask(expression)

            result = wait_for(found, limit=30)
            if target["legendFormat"]:
                assert {each["metric"]["device"] for each in result} == devices, panel["title"]
    assert prometheus.ask("count(cinepi_health)")[0]["value"][1] == "3"


def test_a_silent_camera_becomes_an_alarm(
    prometheus: Prometheus, empty_broker: RunningBroker
) -> None:
    """When nothing has come for a while its values go, and the alarm says which camera it is."""
    assert "sim-0001" not in prometheus.alarms()
    empty_broker.stop()
    wait_for(lambda: prometheus.alarms().get("sim-0001") == "CameraSilent", limit=60)


def test_the_alarms_do_what_they_say() -> None:
    """Prometheus's own tests of rules, with made-up days of values."""
    place = ROOT / "srv/rules"
    place.mkdir(exist_ok=True)
    for name in ("rules.yaml", "rules-test.yaml"):
        (place / name).write_text((MONITORING / name).read_text())
    command = ["chroot", str(ROOT), "promtool", "test", "rules", "/srv/rules/rules-test.yaml"]
    tried = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert tried.returncode == 0, tried.stdout + tried.stderr
