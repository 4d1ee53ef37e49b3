"""Many devices in one Home Assistant: the dashboard of all, and who is told of what."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec
import pytest
import yaml

from benchmarks.parts import simulated_documents as documents
from cinepi.clock import rfc3339
from cinepid.payloads import Stamp, stamped
from tests.homeassistant.harness.broker import Broker
from tests.homeassistant.harness.client import Client, wait_until
from tests.homeassistant.harness.device import Device
from tests.homeassistant.harness.fleet import Fleet
from tests.homeassistant.harness.instance import Instance
from tests.homeassistant.test_documentation import _PHONE, Automations

_FLEET = Path(__file__).parents[2] / "docs/home-assistant/fleet.yaml"


@pytest.fixture
def automations(instance: Instance) -> Iterator[Automations]:
    """A place for automations."""
    automations = Automations(instance)
    yield automations
    automations.remove()


def _listed(house: Client) -> dict[str, str]:
    """What the dashboard says of each device, by its name."""
    cards = [card for each in _views()[0]["sections"] for card in each["cards"]]
    content = next(card["content"] for card in cards if card["type"] == "markdown")
    shown = house.request("POST", "/api/template", {"template": content}).decode()
    rows = [line for line in shown.splitlines() if line.startswith("| [")]
    return {row.split("[")[1].split("]")[0]: row for row in rows}


def _views() -> list[dict[str, list[dict[str, list[dict[str, str]]]]]]:
    views: list[dict[str, list[dict[str, list[dict[str, str]]]]]]
    views = yaml.safe_load(_FLEET.read_text())["views"]
    return views


def test_the_dashboard_lists_all_cameras_by_themselves(
    house: Client, garden: Device, broker: Broker, tmp_path: Path
) -> None:
    """Each is a line with its state; what is wrong with it stands at its end, the worst first."""
    house.ask("lovelace/dashboards/create", url_path="all-cameras", title="All", mode="storage")
    house.ask(
        "lovelace/config/save",
        url_path="all-cameras",
        config=yaml.safe_load(_FLEET.read_text()),
    )
    with Fleet(tmp_path, broker.port, ("roof", "shed")):
        for name, version, off in (("roof", garden_version(house), 0), ("shed", "9.9.9", 600)):
            broker.publish(f"cinepi/{name}/status", _status(version), retain=True)
            broker.publish(f"cinepi/{name}/health", _health(time.time() + off), retain=True)
        house.wait_for("binary_sensor.shed_reporting", "on")
        house.wait_for("sensor.shed_software_version", "9.9.9")
        wait_until(lambda: len(_listed(house)) == 3, "three lines")
        rows = _listed(house)
        assert list(rows)[-1] == "Roof"
        assert re.search(r"clock off by (59\d|60\d) s", rows["Shed"])
        assert f"others have {garden_version(house)}" in rows["Shed"]
        assert rows["Roof"].endswith("|  |"), rows
        # The machine that the tests run on may have no time server.
        assert rows["Garden camera"].endswith(("|  |", "| **clock not set** |")), rows
        broker.publish("cinepi/roof/status", _status("", state="offline"), retain=True)
        house.wait_for("binary_sensor.roof_reporting", "unavailable")
        assert "not reachable" in _listed(house)["Roof"]
    for name in ("roof", "shed"):
        broker.publish(f"cinepi/{name}/health", "", retain=True)
    assert garden.is_online()


def test_a_camera_that_goes_quiet_is_told_once(
    house: Client, garden: Device, automations: Automations
) -> None:
    """One automation hears of every camera; a notification comes when it lasts, and only one."""
    house.post("/api/config/script/config/phone", _PHONE)
    wait_until(lambda: house.value("script.phone"), "the phone")
    automations.make("camera_needs_someone", patience={"seconds": 3}, notification="script.phone")
    house.wait_for("binary_sensor.garden_reporting", "on", 60)
    with house.listening(type="subscribe_events", event_type="phone") as following:
        garden.stop_daemon()
        house.wait_for("binary_sensor.garden_reporting", "unavailable")
        told = following(60.0)["data"]
        assert told["title"] == "Garden camera"
        assert told["message"] == "It is not reachable."
        assert told["data"]["url"].startswith("/config/devices/device/")
        with pytest.raises(TimeoutError):
            following(35.0)
    garden.start_daemon()
    house.wait_for("binary_sensor.garden_reporting", "on", 60)


def garden_version(house: Client) -> str:
    """The version of the real device."""
    return house.value("sensor.garden_software_version") or ""


def _status(version: str, state: Literal["online", "offline"] = "online") -> str:
    since = "2026-01-01T00:00:00Z"
    stamp = Stamp(at=since, boot="a", seq=1)
    document = msgspec.json.decode(documents.status(stamp, state, "start", since))
    return msgspec.json.encode({**document, "version": version}).decode()


def _health(at: float) -> str:
    """What a device says of itself when all is well."""
    document = msgspec.json.encode(documents.health(0, "2026-01-01T00:00:00Z"))
    return stamped(Stamp(at=rfc3339(at), boot="a", seq=1), document).decode()
