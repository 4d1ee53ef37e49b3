"""The figures that the product promises to people with Home Assistant."""

from pathlib import Path

from tests.homeassistant.harness import figures
from tests.homeassistant.harness.broker import Broker
from tests.homeassistant.harness.client import Client
from tests.homeassistant.harness.device import Device

PATIENCE = 10
"""A loaded machine takes longer: times are judged by `make figures-homeassistant`, on a quiet one.
Here they only must not be of another order."""


def _keeps(figure: figures.Figure, patience: int = 1) -> bool:
    return figure.value < figure.limit * patience


def test_a_new_device_is_complete_at_once(house: Client, broker: Broker, tmp_path: Path) -> None:
    """All entities have values soon after `online`, the first time and after a restart."""
    device = Device(tmp_path, broker, "attic")
    try:
        assert _keeps(figures.time_to_first_values(house, device), PATIENCE)
        assert _keeps(figures.time_to_values(house, device), PATIENCE)
    finally:
        broker.publish(device.topic("cmd/system/forget"), "{}")
        device.stop()


def test_a_snapshot_is_seen_at_once(house: Client, garden: Device, broker: Broker) -> None:
    """The picture follows the press, beyond the exposure itself; and it is small."""
    assert _keeps(figures.time_to_picture(house, garden, broker), PATIENCE)
    assert _keeps(figures.size_of_preview(garden, broker))


def test_little_is_said(garden: Device, broker: Broker) -> None:
    """The announcement fits small brokers, and an idle device is nearly silent."""
    assert _keeps(figures.size_of_announcement(garden, broker))
    assert _keeps(figures.idle_traffic(garden, broker, 10))
