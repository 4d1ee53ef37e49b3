"""What Home Assistant is told, as JSON; whether it understands is seen in tests/homeassistant."""

import re
from typing import Any

import msgspec
import pytest

from cinepi.features import Feature
from cinepid.discovery.document import build
from cinepid.discovery.facts import Facts

_KNOWN_PLATFORMS = {
    *("binary_sensor", "button", "camera", "device_automation", "event", "image"),
    *("number", "select", "sensor", "switch", "text"),
}
_SETTING = Feature(
    key="hue", name="Hue", help="Turns colours.", kind="number", writable=True, place="settings"
)


def _decoded(facts: Facts) -> dict[str, Any]:
    decoded: dict[str, Any] = msgspec.json.decode(build(facts).encoded())
    return decoded


@pytest.fixture
def components(facts: Facts) -> dict[str, Any]:
    """All components by key."""
    found: dict[str, Any] = _decoded(facts)["components"]
    return found


def test_a_key_without_a_value_is_absent(components: dict[str, Any]) -> None:
    """Null means something to Home Assistant, and only the name of the main entity may be it."""
    nulls = [
        (key, name)
        for key, component in components.items()
        for name, value in component.items()
        if value is None
    ]
    assert nulls == [("camera_picture", "name")]


def test_every_component_has_a_platform_and_every_entity_its_ids(
    components: dict[str, Any],
) -> None:
    """Without them Home Assistant refuses the whole device."""
    for key, component in components.items():
        assert component["platform"] in _KNOWN_PLATFORMS
        if component["platform"] != "device_automation":
            assert component["unique_id"].startswith("cinepi_garden-cam_"), key
            platform, _, name = component["default_entity_id"].partition(".")
            assert platform == component["platform"]
            assert re.fullmatch("garden_cam(_[a-z0-9]+)*", name)


@pytest.mark.parametrize("key", ["unique_id", "default_entity_id"])
def test_no_two_entities_share_an_id(components: dict[str, Any], key: str) -> None:
    """The second one would be lost, or be called `_2` for ever."""
    ids = [component[key] for component in components.values() if key in component]
    assert len(ids) == len(set(ids)) > 40


def test_names_are_sentence_case_and_do_not_repeat_the_device(components: dict[str, Any]) -> None:
    """Home Assistant shows the device's name in front of them."""
    for component in components.values():
        if name := component.get("name"):
            assert name[0].isupper()
            assert "garden" not in name.lower()
            assert "cinepi" not in name.lower()


def test_a_new_setting_of_the_camera_is_an_entity(facts: Facts) -> None:
    """Nothing but its feature has to be written down."""
    more = msgspec.structs.replace(_SETTING, minimum=-1.0, maximum=1.0, step=0.1, unit="°")
    grown = Facts(info=facts.info, camera_features=(*facts.camera_features, more))
    number = _decoded(grown)["components"]["number_camera_hue"]
    assert number["min"] == -1
    assert number["max"] == 1
    assert number["unit_of_measurement"] == "°"
    assert number["entity_category"] == "config"
    assert number["command_topic"] == "cinepi/garden-cam/cmd/camera/set"
    assert number["command_template"] == '{"hue":{{ value }}}'


def test_a_switch_among_the_settings_sends_json_booleans(components: dict[str, Any]) -> None:
    """`config/patch` is given a boolean, not a word."""
    switch = components["switch_system_backup_enabled"]
    assert switch["payload_on"] == '{"patch":{"system":{"backup_enabled":true}}}'
    assert switch["state_on"] == "True"


def test_a_choice_of_one_is_no_entity(components: dict[str, Any]) -> None:
    """The file format cannot be chosen, as there is only one."""
    assert not [key for key in components if "output_format" in key]


def test_ranges_are_those_of_the_connected_camera(components: dict[str, Any]) -> None:
    """The camera goes to ISO 640, though the product allows 800."""
    assert components["number_camera_iso"]["max"] == 640
    assert "4056x3040" in components["select_camera_resolution"]["options"]


def test_settings_that_the_camera_does_not_have_are_not_shown(components: dict[str, Any]) -> None:
    """A camera without a moving lens has no focus."""
    assert not [key for key in components if "lens" in key or "focus" in key]


def test_readings_that_the_board_never_gives_are_not_shown(facts: Facts) -> None:
    """A laptop has no throttling flags; a Pi has, and shows them."""
    assert "binary_sensor_health_throttled" not in _decoded(facts)["components"]
    told = Facts(info=facts.info, board_tells=frozenset({"health_throttled"}))
    throttled = _decoded(told)["components"]["binary_sensor_health_throttled"]
    assert throttled["device_class"] == "problem"
    assert throttled["entity_category"] == "diagnostic"


def test_readings_of_nested_documents_are_shown(components: dict[str, Any]) -> None:
    """Lateness lies inside the session, the round trip inside health."""
    lateness = components["sensor_session_lateness_p95_ms"]
    assert lateness["value_template"] == "{{ value_json.lateness.p95_ms }}"
    assert components["sensor_health_mqtt_round_trip_ms"]["enabled_by_default"] is False


def test_space_is_shown_in_gigabytes(components: dict[str, Any]) -> None:
    """Nobody reads eleven digits of bytes."""
    free = components["sensor_health_disk_free_bytes"]
    assert free["unit_of_measurement"] == "GB"
    assert "/ 1000000000" in free["value_template"]


def test_the_device_is_called_what_people_call_it(facts: Facts) -> None:
    """Its id is made readable where nobody has given a name; the area only where it is known."""
    device = _decoded(facts)["device"]
    assert device["name"] == "Garden cam"
    assert "suggested_area" not in device
    assert "serial_number" not in device
    named = msgspec.structs.replace(facts.info, name="Nest box", area="Garden")
    device = _decoded(Facts(info=named))["device"]
    assert (device["name"], device["suggested_area"]) == ("Nest box", "Garden")


def test_the_same_facts_are_the_same_bytes_and_fit(facts: Facts) -> None:
    """Home Assistant skips what has not changed; small brokers take no more than 32 KB."""
    encoded = build(facts).encoded()
    assert encoded == build(facts).encoded()
    assert len(encoded) < 32 * 1024


def test_nothing_asks_home_assistant_to_retain_commands(components: dict[str, Any]) -> None:
    """A retained command would come again at every connection."""
    assert not [key for key, component in components.items() if component.get("retain")]
