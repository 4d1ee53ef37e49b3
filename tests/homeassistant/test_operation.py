"""Everything is pressed, switched and set in Home Assistant, and the device does it."""

import hashlib
import json
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
import yaml

from cinepi.camera.backends.simulated import faults
from tests.homeassistant.harness.broker import Broker
from tests.homeassistant.harness.client import Client, wait_until
from tests.homeassistant.harness.device import Device

_SLUG = "garden"


def _setting(garden: Device, *path: str) -> object:
    """A value as the device's own configuration file has it."""
    value: Any = yaml.safe_load(garden.layout.config.read_text())
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


@pytest.mark.parametrize(
    ("name", "value", "path"),
    [
        ("interval", 2.5, ("capture", "interval")),
        ("interval", 20, ("capture", "interval")),
        ("iso", 200, ("camera", "iso")),
        ("shutter", 20_000, ("camera", "shutter_us")),
        ("gain", 1.5, ("camera", "gain")),
        ("exposure_bias", -0.5, ("camera", "ev")),
        ("brightness", 0.1, ("camera", "brightness")),
        ("contrast", 1.2, ("camera", "contrast")),
        ("saturation", 0.9, ("camera", "saturation")),
        ("jpeg_quality", 80, ("capture", "quality")),
        ("disk_reserve", 128, ("capture", "reserve_mb")),
    ],
)
def test_a_number_is_set(
    house: Client, garden: Device, name: str, value: float, path: tuple[str, ...]
) -> None:
    """The device saves it, and Home Assistant shows what the device says."""
    entity = f"number.{_SLUG}_{name}"
    house.call("number.set_value", entity, value=value)
    house.wait_for(entity, str(value))
    assert _setting(garden, *path) == value


@pytest.mark.parametrize(
    ("name", "option", "setting"),
    [
        ("exposure_mode", "Manual", ("camera", "exposure_mode", "manual")),
        ("exposure_mode", "Auto", ("camera", "exposure_mode", "auto")),
        ("white_balance", "Cloudy", ("camera", "white_balance", "cloudy")),
        ("resolution", "640x480", ("camera", "resolution", "640x480")),
        ("rotation", "180°", ("camera", "rotation", 180)),
        ("rotation", "0°", ("camera", "rotation", 0)),
        ("when_the_disk_is_full", "Delete oldest", ("capture", "when_full", "delete_oldest")),
        ("log_level", "Debug", ("system", "log_level", "debug")),
        ("log_level", "Info", ("system", "log_level", "info")),
    ],
)
def test_an_option_is_chosen(
    house: Client, garden: Device, name: str, option: str, setting: tuple[str, str, object]
) -> None:
    """What is read in words is saved as the configuration spells it."""
    entity = f"select.{_SLUG}_{name}"
    house.call("select.select_option", entity, option=option)
    house.wait_for(entity, option)
    section, key, saved = setting
    assert _setting(garden, section, key) == saved


def test_a_snapshot_shows_the_same_bytes_everywhere(
    house: Client, garden: Device, broker: Broker
) -> None:
    """Button, file, preview, camera and image entity belong to one picture."""
    before = house.value("image.garden_last_picture")
    pictures = set(garden.layout.captures.glob("cinepi_*.jpg"))
    house.call("button.press", "button.garden_take_snapshot")
    wait_until(lambda: house.value("image.garden_last_picture") != before, "a new picture")
    (file,) = set(garden.layout.captures.glob("cinepi_*.jpg")) - pictures
    preview = broker.retained(garden.topic("image"))
    assert house.picture("image.garden_last_picture") == preview
    assert house.picture("camera.garden") == preview
    assert preview.startswith(b"\xff\xd8")
    assert len(preview) <= 100 * 1024
    told = wait_until(
        lambda: (
            (found := house.state("image.garden_last_picture")["attributes"]).get("filename")
            == file.name
            and found
        ),
        "the picture's facts",
    )
    assert told["size"] == file.stat().st_size
    said = json.loads(broker.retained(garden.topic("capture")))
    assert said["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    taken = house.value("sensor.garden_last_capture")
    assert taken is not None
    assert taken[:19] == said["taken_at"][:19]


def test_a_session_runs_from_the_switch(house: Client, garden: Device) -> None:
    """On starts it, frames are counted, off ends it, and both are told as events."""
    house.call("number.set_value", "number.garden_interval", value=1)
    house.wait_for("number.garden_interval", "1")
    house.call("switch.turn_on", "switch.garden_timelapse_session")
    house.wait_for("switch.garden_timelapse_session", "on")
    house.wait_for("sensor.garden_session_state", "Active")
    wait_until(lambda: int(house.value("sensor.garden_frames_captured") or 0) >= 2, "two frames")
    assert house.value("sensor.garden_next_capture") != "unknown"
    event = house.state("event.garden_capture")["attributes"]
    assert event["event_type"] == "capture_stored"
    assert (garden.layout.captures / event["filename"]).exists()
    house.call("switch.turn_off", "switch.garden_timelapse_session")
    house.wait_for("switch.garden_timelapse_session", "off")
    wait_until(
        lambda: (
            house.state("event.garden_capture")["attributes"]["event_type"] == "session_stopped"
        ),
        "the event session_stopped",
    )
    house.wait_for("sensor.garden_session_state", "Idle")


def test_the_configuration_is_backed_up(house: Client, garden: Device) -> None:
    """A copy lies on the device."""
    before = set(garden.layout.backups.iterdir())
    house.call("button.press", "button.garden_back_up_configuration")
    wait_until(lambda: set(garden.layout.backups.iterdir()) - before, "a backup")


def test_the_camera_is_restarted(house: Client, garden: Device, broker: Broker) -> None:
    """The command is answered well."""
    with broker.listening(garden.topic("response/camera/restart")) as following:
        house.call("button.press", "button.garden_restart_camera")
        assert json.loads(following(15.0).payload)["success"] is True


def test_a_refused_command_is_explained(house: Client, garden: Device, broker: Broker) -> None:
    """The entity shows the truth, and the reason can be found."""
    house.call("number.set_value", "number.garden_iso", value=400)
    house.wait_for("number.garden_iso", "400")
    broker.publish(garden.topic("cmd/camera/set"), '{"iso": 5000}')
    wait_until(
        lambda: "iso" in (house.value("sensor.garden_last_refusal") or ""),
        "the reason of a refusal",
    )
    refusal = house.value("sensor.garden_last_refusal") or ""
    assert refusal.startswith("camera/set: ")
    assert "800" in refusal
    assert house.value("number.garden_iso") == "400"


def test_a_refusal_repeats_the_true_state(house: Client, garden: Device, broker: Broker) -> None:
    """Whoever shows a switch or a slider that was moved in vain gets the old value again."""
    command, state = garden.topic("cmd/camera/set"), garden.topic("camera")
    house.wait_for("sensor.garden_session_state", "Idle")
    with broker.listening(state) as following:
        before = following(5.0).payload
        broker.publish(command, '{"iso": 5000}')
        assert following(1.0).payload == before


def test_an_event_fires_a_device_trigger(house: Client, garden: Device) -> None:
    """An automation that waits for a picture hears of it."""
    device = house.device(f"cinepi_{garden.name}")
    triggers = house.ask("device_automation/trigger/list", device_id=device["id"])
    (trigger,) = [t for t in triggers if t.get("type") == "taken"]
    with house.listening(type="subscribe_trigger", trigger=trigger) as following:
        with ThreadPoolExecutor(1) as pool:
            fired = pool.submit(following, 15.0)
            # Home Assistant says that it listens a moment before the broker knows.
            wait_until(lambda: _press_and_look(house, fired), "the trigger", 15.0)
        event = fired.result()["variables"]["trigger"]
    assert event["payload_json"]["event_type"] == "capture_stored"


def _press_and_look(house: Client, fired: Future[Any]) -> bool:
    house.call("button.press", "button.garden_take_snapshot")
    return fired.done()


def test_a_camera_that_is_lost_is_a_problem_with_a_reason(house: Client, garden: Device) -> None:
    """Unplugged: not connected, a problem, and why; plugged in again: all well."""
    faults.write(garden.layout, "unplug")
    house.call("button.press", "button.garden_take_snapshot")
    house.wait_for("binary_sensor.garden_camera", "off", 30)
    problem = house.wait_for("binary_sensor.garden_problem", "on", 5)
    assert "camera" in problem["attributes"]["reason"]
    assert house.value("number.garden_iso") not in (None, "unavailable")
    faults.clear(garden.layout)
    house.call("button.press", "button.garden_restart_camera")
    house.wait_for("binary_sensor.garden_camera", "on", 60)
    house.wait_for("binary_sensor.garden_problem", "off", 45)
