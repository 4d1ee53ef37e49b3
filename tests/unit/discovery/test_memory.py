"""What is remembered of announcements."""

from pathlib import Path

import msgspec
import pytest

from cinepi.features import Feature
from cinepi.model.documents import CameraDocument
from cinepid.discovery import memory
from cinepid.discovery.component import Gone
from cinepid.discovery.document import build
from cinepid.discovery.facts import Facts
from cinepid.discovery.memory import Memory

_TOPIC = "homeassistant/device/garden-cam/config"


@pytest.fixture
def announced(facts: Facts) -> Memory:
    """After the first announcement."""
    return Memory().at(_TOPIC).announcing(build(facts))[0]


def test_what_is_gone_is_said_with_its_platform_only(announced: Memory, facts: Facts) -> None:
    """That is how Home Assistant is told to remove an entity."""
    _, document = announced.announcing(build(Facts(info=facts.info)))
    assert document.components["number_camera_iso"] == Gone("number")


def test_what_is_gone_is_said_until_home_assistant_has_seen_it(
    announced: Memory, facts: Facts
) -> None:
    """It may be off just when a newer version drops an entity."""
    without_camera = build(Facts(info=facts.info))
    after, _ = announced.announcing(without_camera)
    again, document = after.without_seen().announcing(without_camera)
    assert "number_camera_iso" in document.components
    _, document = again.seen().without_seen().announcing(without_camera)
    assert "number_camera_iso" not in document.components


def test_what_comes_back_is_not_gone(announced: Memory, facts: Facts) -> None:
    """The marker goes when the entity is there again."""
    after, _ = announced.announcing(build(Facts(info=facts.info)))
    back, document = after.announcing(build(facts))
    assert document == build(facts)
    assert not back.gone


def test_another_name_leaves_the_old_announcement_to_be_cleared(announced: Memory) -> None:
    """And nothing is said to be gone from the new one."""
    moved = announced.at("homeassistant/device/shed/config")
    assert moved.former == (_TOPIC,)
    assert not moved.components
    assert moved.at(_TOPIC).former == ("homeassistant/device/shed/config",)


def test_a_camera_that_is_away_keeps_its_settings(camera_features: tuple[Feature, ...]) -> None:
    """Its entities must not vanish from automations because a cable is loose."""
    known = Memory().with_camera(CameraDocument(model="imx477", features=camera_features))
    assert known.with_camera(CameraDocument(health="lost")) == known


def test_it_survives_a_restart(tmp_path: Path, announced: Memory) -> None:
    """What is saved is what is loaded."""
    path = tmp_path / "lib" / "discovery.json"
    memory.save(path, announced)
    assert memory.load(path) == announced


@pytest.mark.parametrize("content", [b"", b"[]", b'{"topic": 7}', b"\xff"])
def test_a_damaged_file_is_an_empty_one(tmp_path: Path, content: bytes) -> None:
    """The device is announced all the same."""
    path = tmp_path / "discovery.json"
    path.write_bytes(content)
    assert memory.load(path) == Memory()


def test_keys_of_a_newer_version_do_no_harm(tmp_path: Path) -> None:
    """After a downgrade the rest is still known."""
    path = tmp_path / "discovery.json"
    path.write_bytes(msgspec.json.encode({"topic": _TOPIC, "colour": "blue"}))
    assert memory.load(path).topic == _TOPIC


def test_a_copied_card_leaves_the_original_its_announcement(announced: Memory) -> None:
    """The board tells a copy from a device that has got another name."""
    original = announced.at(_TOPIC, "1000")
    shed = "homeassistant/device/shed/config"
    assert original.at(shed, "1000").former == (_TOPIC,)
    copy = original.at(shed, "2000")
    assert copy.former == ()
    assert copy.at(_TOPIC, "2000").former == (shed,)
    assert original.at("", "2000").former == ()
    assert original.at(_TOPIC, "2000").components == original.components
