"""Every entity as Home Assistant has it: registry, state, unit, category, availability."""

import re
from typing import Any, NamedTuple

import pytest
import yaml

from tests.homeassistant.harness.client import Client, wait_until
from tests.homeassistant.harness.device import Device


class Expected(NamedTuple):
    """One entity; `state` is a regular expression, and None for one that is switched off."""

    state: str | None
    category: str | None = None
    unit: str | None = None
    device_class: str | None = None


_NUMBER = r"-?\d+(\.\d+)?"
_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00"
_CONFIG, _DIAGNOSTIC = "config", "diagnostic"

ENTITIES = {
    "camera.garden": Expected("idle"),
    "image.garden_last_picture": Expected(".*"),
    "event.garden_capture": Expected(".*"),
    "switch.garden_timelapse_session": Expected("off|on"),
    "button.garden_take_snapshot": Expected(".*"),
    "sensor.garden_session_state": Expected("Idle|Active", device_class="enum"),
    "sensor.garden_frames_captured": Expected(r"\d+"),
    "sensor.garden_next_capture": Expected(f"unknown|{_TIME}", device_class="timestamp"),
    "sensor.garden_last_capture": Expected(f"unknown|{_TIME}", device_class="timestamp"),
    "button.garden_back_up_configuration": Expected(".*", _CONFIG),
    "button.garden_restart_camera": Expected(".*", _CONFIG, device_class="restart"),
    "select.garden_exposure_mode": Expected("Auto", _CONFIG),
    "select.garden_white_balance": Expected("Auto", _CONFIG),
    "select.garden_resolution": Expected("1280x720", _CONFIG),
    "select.garden_rotation": Expected("0°", _CONFIG),
    "select.garden_noise_reduction": Expected(None, _CONFIG),
    "select.garden_when_the_disk_is_full": Expected("Pause", _CONFIG),
    "select.garden_log_level": Expected("Info", _CONFIG),
    "number.garden_interval": Expected("30", _CONFIG, "s", "duration"),
    "number.garden_shutter": Expected("10000", _CONFIG, "\u03bcs"),
    "number.garden_iso": Expected("100", _CONFIG),
    "number.garden_gain": Expected("1", _CONFIG),
    "number.garden_exposure_bias": Expected("0", _CONFIG, "EV"),
    "number.garden_brightness": Expected("0", _CONFIG),
    "number.garden_contrast": Expected("1", _CONFIG),
    "number.garden_saturation": Expected("1", _CONFIG),
    "number.garden_jpeg_quality": Expected("95", _CONFIG, "%"),
    "number.garden_disk_reserve": Expected("256", _CONFIG, "MB"),
    "number.garden_keep_backups": Expected(None, _CONFIG),
    "switch.garden_backups": Expected(None, _CONFIG),
    "binary_sensor.garden_camera": Expected("on", _DIAGNOSTIC, None, "connectivity"),
    "binary_sensor.garden_problem": Expected("off", _DIAGNOSTIC, None, "problem"),
    "binary_sensor.garden_session_stalled": Expected("off", _DIAGNOSTIC, None, "problem"),
    "binary_sensor.garden_clock_set": Expected("on|off", _DIAGNOSTIC),
    "binary_sensor.garden_reporting": Expected("on", _DIAGNOSTIC, None, "connectivity"),
    "sensor.garden_clock_difference": Expected("0", _DIAGNOSTIC, "s", "duration"),
    "sensor.garden_software_version": Expected(r"\d+\.\d+\.\d+.*", _DIAGNOSTIC),
    "sensor.garden_health": Expected("Ok", _DIAGNOSTIC, None, "enum"),
    "sensor.garden_last_refusal": Expected(".*", _DIAGNOSTIC),
    "sensor.garden_last_start": Expected(_TIME, _DIAGNOSTIC, None, "timestamp"),
    "sensor.garden_frames_missed": Expected(r"\d+", _DIAGNOSTIC),
    "sensor.garden_frame_lateness": Expected(_NUMBER, _DIAGNOSTIC, "ms", "duration"),
    "sensor.garden_captures": Expected(r"\d+", _DIAGNOSTIC),
    "sensor.garden_disk_free": Expected(_NUMBER, _DIAGNOSTIC, "GB", "data_size"),
    "sensor.garden_disk_days_left": Expected(f"unknown|{_NUMBER}", _DIAGNOSTIC, "d", "duration"),
    "sensor.garden_cpu": Expected(_NUMBER, _DIAGNOSTIC, "%"),
    "sensor.garden_memory": Expected(_NUMBER, _DIAGNOSTIC, "%"),
    "sensor.garden_events_lost": Expected("0", _DIAGNOSTIC),
    "sensor.garden_events_waiting": Expected(None, _DIAGNOSTIC),
    "sensor.garden_mqtt_round_trip": Expected(None, _DIAGNOSTIC),
    "sensor.garden_uptime": Expected(None, _DIAGNOSTIC),
}

BOARD_ONLY = {  # there where the machine that the tests run on can tell
    "sensor.garden_cpu_temperature",
    "sensor.garden_wi_fi_signal",
    "binary_sensor.garden_under_voltage",
    "binary_sensor.garden_throttled",
}


@pytest.fixture(scope="module")
def entries(house: Client, garden: Device) -> dict[str, Any]:
    """The device's entries in the registry, by entity id."""
    device = house.device(f"cinepi_{garden.name}")
    return {
        entry["entity_id"]: entry
        for entry in house.entities()
        if entry["device_id"] == device["id"]
    }


def test_the_device_has_exactly_these_entities(entries: dict[str, Any]) -> None:
    """Nothing is missing, nothing is left over, and all ids are as documented."""
    assert entries.keys() - BOARD_ONLY == ENTITIES.keys()


@pytest.mark.parametrize("entity_id", ENTITIES)
def test_an_entity_is_what_it_should_be(
    house: Client, entries: dict[str, Any], entity_id: str
) -> None:
    """Group, unit, kind and state are what a person expects to see."""
    expected, entry = ENTITIES[entity_id], entries[entity_id]
    assert entry["entity_category"] == expected.category
    assert entry["unique_id"].startswith("cinepi_garden_")
    state = house.state(entity_id)
    if expected.state is None:
        assert entry["disabled_by"] == "integration"
        assert state is None
        return
    assert entry["disabled_by"] is None
    assert re.fullmatch(expected.state, state["state"]), state["state"]
    assert state["attributes"].get("unit_of_measurement") == expected.unit
    assert state["attributes"].get("device_class") == expected.device_class
    assert state["attributes"]["friendly_name"].startswith("Garden camera")


def test_the_device_says_what_it_is(house: Client, garden: Device) -> None:
    """Name, maker, camera, version and place stand on its page."""
    device = house.device(f"cinepi_{garden.name}")
    assert device["name"] == "Garden camera"
    assert device["manufacturer"] == "CinePi"
    assert device["model_id"] == "simulated-imx477"
    assert device["sw_version"]
    assert device["area_id"] == "garden"


def test_ranges_are_those_of_the_camera(house: Client, garden: Device) -> None:
    """A person cannot choose what the camera cannot do."""
    assert garden.is_online()
    iso = house.state("number.garden_iso")["attributes"]
    assert (iso["min"], iso["max"], iso["step"]) == (100, 800, 1)
    interval = house.state("number.garden_interval")["attributes"]
    assert (interval["min"], interval["max"]) == (1, 3600)
    assert "4056x3040" in house.state("select.garden_resolution")["attributes"]["options"]
    shutter = house.state("number.garden_shutter")["attributes"]
    assert shutter["min"] == 114


def test_device_triggers_are_offered_to_automations(house: Client, garden: Device) -> None:
    """The few that automations really use, in words."""
    device = house.device(f"cinepi_{garden.name}")
    triggers = house.ask("device_automation/trigger/list", device_id=device["id"])
    offered = {(t["subtype"], t["type"]) for t in triggers if t["domain"] == "mqtt"}
    assert offered == {
        ("Picture", "taken"),
        ("Picture", "failed"),
        ("Frames", "missed"),
        ("Session", "finished"),
        ("Camera", "lost"),
    }


def test_entities_that_are_off_can_be_switched_on_and_used(house: Client, garden: Device) -> None:
    """The rarely wanted ones are one click away, and work."""
    # In this file, before any device is withdrawn: switching on reloads the MQTT integration, and
    # Home Assistant 2026.11 then complains of triggers of devices that have gone.
    off: dict[str, tuple[str, dict[str, object], str]] = {
        "switch.garden_backups": ("switch.turn_off", {}, "off"),
        "number.garden_keep_backups": ("number.set_value", {"value": 14}, "14"),
        "select.garden_noise_reduction": ("select.select_option", {"option": "Fast"}, "Fast"),
    }
    for entity, (action, data, after) in off.items():
        house.ask("config/entity_registry/update", entity_id=entity, disabled_by=None)
        wait_until(
            lambda entity=entity: house.value(entity) not in (None, "unknown", "unavailable"),  # type: ignore[misc]
            f"{entity} after it was switched on",
            60,  # Home Assistant reloads the integration half a minute later
        )
        house.call(action, entity, **data)
        house.wait_for(entity, after)
    settings = yaml.safe_load(garden.layout.config.read_text())
    assert settings["system"]["backup_enabled"] is False
    assert settings["system"]["backup_days"] == 14
    assert settings["camera"]["noise_reduction"] == "fast"
    house.call("switch.turn_on", "switch.garden_backups")
    house.wait_for("switch.garden_backups", "on")
