"""What people take away from the documentation: the dashboard and the blueprints, in use."""

import json
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from tests.homeassistant.harness.client import ApiError, Client, wait_until
from tests.homeassistant.harness.device import Device
from tests.homeassistant.harness.instance import Instance

_DOCUMENTATION = Path(__file__).parents[2] / "docs/home-assistant"
_SESSION = "switch.garden_timelapse_session"
_PHONE = {
    "sequence": [
        {
            "event": "phone",
            "event_data": {
                "message": "{{ message }}",
                "title": "{{ title }}",
                "data": "{{ data }}",
            },
        }
    ]
}


class Automations:
    """Automations that are made of blueprints for one test."""

    def __init__(self, instance: Instance) -> None:
        """Put the blueprints where Home Assistant looks for them."""
        folder = instance.config / "blueprints/automation/cinepi"
        shutil.copytree(_DOCUMENTATION / "blueprints", folder, dirs_exist_ok=True)
        self._house = instance.client
        self._made: list[str] = []

    def make(self, blueprint: str, **inputs: object) -> str:
        """Make one, and return its entity id."""
        config = {
            "alias": blueprint,
            "use_blueprint": {"path": f"cinepi/{blueprint}.yaml", "input": inputs},
        }
        self._house.post(f"/api/config/automation/config/{blueprint}", config)
        self._made.append(blueprint)
        entity = f"automation.{blueprint}"
        self._house.wait_for(entity, "on")
        return entity

    def remove(self) -> None:
        """Remove all of them."""
        for blueprint in self._made:
            self._house.request("DELETE", f"/api/config/automation/config/{blueprint}")


@pytest.fixture
def automations(instance: Instance) -> Iterator[Automations]:
    """A place for automations."""
    automations = Automations(instance)
    yield automations
    automations.remove()


def test_every_entity_of_the_dashboard_is_there(house: Client, garden: Device) -> None:
    """Nobody copies a dashboard with holes; and Home Assistant takes it."""
    text = (_DOCUMENTATION / "dashboard.yaml").read_text()
    entities = set(re.findall(r"\b[a-z_]+\.garden[a-z_]*", text))
    assert len(entities) > 15
    assert not entities - house.states().keys()
    house.ask(
        "lovelace/dashboards/create", url_path="time-lapse", title="Timelapse", mode="storage"
    )
    house.ask("lovelace/config/save", url_path="time-lapse", config=yaml.safe_load(text))
    saved = house.ask("lovelace/config", url_path="time-lapse")
    assert saved["views"][0]["title"] == "Timelapse"
    assert garden.is_online()


def test_a_silent_session_sends_the_picture_to_the_phone(
    house: Client, garden: Device, automations: Automations
) -> None:
    """A session that has taken no frame for two seconds is told, with the newest picture."""
    house.post("/api/config/script/config/phone", _PHONE)
    wait_until(lambda: house.value("script.phone"), "the phone")
    house.call("number.set_value", "number.garden_interval", value=60)
    house.wait_for("number.garden_interval", "60")
    automations.make(
        "frames_missing",
        session=_SESSION,
        last_capture="sensor.garden_last_capture",
        camera="camera.garden",
        silence={"seconds": 2},
        notification="script.phone",
    )
    with house.listening(type="subscribe_events", event_type="phone") as following:
        house.call("switch.turn_on", _SESSION)
        told = following(20.0)["data"]
    house.call("switch.turn_off", _SESSION)
    house.wait_for(_SESSION, "off")
    house.call("number.set_value", "number.garden_interval", value=30)
    house.wait_for("number.garden_interval", "30")
    assert told["title"] == "Garden camera"
    assert re.fullmatch(r"No frame since \d\d:\d\d\.", told["message"])
    assert told["data"]["image"] == "/api/camera_proxy/camera.garden"
    assert house.request("GET", told["data"]["image"]).startswith(b"\xff\xd8")
    assert garden.is_online()


def test_the_sun_switches_the_session(
    house: Client, garden: Device, automations: Automations
) -> None:
    """Above the height it is on, below it is off."""
    sun = house.state("sun.sun")

    def let_it_stand_at(elevation: float) -> None:
        attributes = sun["attributes"] | {"elevation": elevation}
        house.post("/api/states/sun.sun", {"state": sun["state"], "attributes": attributes})

    let_it_stand_at(-10)
    automations.make("sunrise_to_sunset", session=_SESSION, elevation=-1)
    let_it_stand_at(5)
    house.wait_for(_SESSION, "on")
    let_it_stand_at(-2)
    house.wait_for(_SESSION, "off")
    assert garden.is_online()


def test_a_picture_is_taken_at_the_time_of_day(garden: Device, automations: Automations) -> None:
    """Noon is two seconds ahead, for once."""
    pictures = set(garden.layout.captures.glob("*.jpg"))
    noon = datetime.now(UTC) + timedelta(seconds=2)
    automations.make(
        "daily_picture", snapshot="button.garden_take_snapshot", time=f"{noon:%H:%M:%S}"
    )
    wait_until(lambda: set(garden.layout.captures.glob("*.jpg")) - pictures, "the picture")


def test_a_blueprint_says_what_it_lacks(house: Client, automations: Automations) -> None:
    """Home Assistant itself checks the inputs: an automation without a session is refused."""
    with pytest.raises(ApiError, match="session"):
        automations.make("sunrise_to_sunset")
    assert json.dumps(house.states()).count("automation.sunrise_to_sunset") == 0
