"""The files of docs/fleet/monitoring fit each other and what devices say."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import yaml

from cinepid.health import HealthDocument, MqttHealth

_FOLDER = Path(__file__).parents[2] / "docs/fleet/monitoring"


def _health_paths() -> set[str]:
    def names(kind: type[msgspec.Struct]) -> set[str]:
        return {field.encode_name for field in msgspec.structs.fields(kind)}

    return names(HealthDocument) | {f"mqtt.{name}" for name in names(MqttHealth)}


def _exported() -> dict[str, str]:
    config = yaml.safe_load((_FOLDER / "mqtt-exporter.yaml").read_text())
    return {metric["prom_name"]: metric["mqtt_name"] for metric in config["metrics"]}


def test_the_exporter_reads_what_devices_say() -> None:
    """Each metric is a key of the health document."""
    assert set(_exported().values()) <= _health_paths()


def test_telegraf_makes_the_same_metrics() -> None:
    """Whoever runs Telegraf can use the same alarms and the same dashboard."""
    config = tomllib.loads((_FOLDER / "telegraf.conf").read_text())
    (consumer,) = config["inputs"]["mqtt_consumer"]
    fields: list[dict[str, Any]] = consumer["json_v2"][0]["field"]
    made = {f"cinepi_{field.get('rename', field['path'])}": field["path"] for field in fields}
    assert made == _exported()


def test_alarms_and_dashboard_use_metrics_that_exist() -> None:
    """No panel stays empty for a name that nobody makes."""
    rules = yaml.safe_load((_FOLDER / "rules.yaml").read_text())
    used = [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    dashboard = json.loads((_FOLDER / "dashboard.json").read_text())
    used += [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    names = set(re.findall(r"cinepi_[a-z_]+", " ".join(used)))
    assert len(names) > 8
    assert names <= set(_exported())


def test_panels_do_not_lie_on_each_other() -> None:
    """Each place of the dashboard's grid belongs to one panel."""
    taken = set[tuple[int, int]]()
    for panel in json.loads((_FOLDER / "dashboard.json").read_text())["panels"]:
        place = panel["gridPos"]
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert x < 24
                assert (x, y) not in taken, panel["title"]
                taken.add((x, y))
