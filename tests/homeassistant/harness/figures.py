"""The figures that the product promises, measured in a real Home Assistant.

`python -m tests.homeassistant.harness.figures` prints them; HOMEASSISTANT_ROOT says where it is.
"""

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import msgspec

from tests.homeassistant.harness.broker import Broker
from tests.homeassistant.harness.client import Client, wait_until
from tests.homeassistant.harness.device import Device
from tests.homeassistant.harness.instance import Instance

_WITHOUT_VALUE = ("unknown", "unavailable")
_NEEDS_A_PICTURE = ("last_capture", "next_capture", "last_picture", "capture", "days_left")
_NEVER_SAYS = ("last_refusal",)


class Figure(NamedTuple):
    """One figure and its limit, in the same unit."""

    name: str
    value: float
    limit: float
    unit: str


def time_to_values(house: Client, device: Device) -> Figure:
    """From `online` until every entity that can have a value has one; the daemon is restarted."""
    device.stop_daemon()
    wait_until(lambda: _missing(house, device), "the device to be unavailable")
    online = device.start_daemon()
    wait_until(lambda: not _missing(house, device), "values")
    return Figure("online to all values", time.monotonic() - online, 2.0, "s")


def time_to_first_values(house: Client, device: Device) -> Figure:
    """The same for a device that Home Assistant has never seen, from its first `online`."""
    device.start_service()
    online = device.start_daemon()
    wait_until(lambda: house.device(f"cinepi_{device.name}"), "the device")
    wait_until(lambda: not _missing(house, device), "values")
    return Figure("first online to all values", time.monotonic() - online, 2.0, "s")


def time_to_picture(house: Client, device: Device, broker: Broker) -> Figure:
    """From the press of the button to the picture in Home Assistant, less the exposure."""
    longest = 0.0
    for _ in range(5):
        before = house.value(f"image.{device.name}_last_picture")
        pressed = time.monotonic()
        house.call("button.press", f"button.{device.name}_take_snapshot")
        wait_until(
            lambda before=before: house.value(f"image.{device.name}_last_picture") != before,  # type: ignore[misc]
            "the picture",
        )
        taken = time.monotonic() - pressed
        capture = msgspec.json.decode(broker.retained(device.topic("capture")))
        longest = max(longest, taken - capture["achieved"]["exposure_us"] / 1e6)
    return Figure("press to picture, worst of 5", longest, 1.0, "s")


def size_of_announcement(device: Device, broker: Broker) -> Figure:
    """What Home Assistant is told of the device."""
    return Figure("announcement", len(broker.retained(device.config_topic)), 32 * 1024, "bytes")


def size_of_preview(device: Device, broker: Broker) -> Figure:
    """The retained picture."""
    return Figure("preview", len(broker.retained(device.topic("image"))), 100 * 1024, "bytes")


def idle_traffic(device: Device, broker: Broker, seconds: float) -> Figure:
    """Messages of a device that has nothing to do, in `seconds`."""
    count = 0
    with broker.listening(device.topic("#"), with_retained=False) as following:
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            try:
                following(left)
            except AssertionError:
                break
            count += 1
    return Figure(f"messages in {seconds:g} idle seconds", count / seconds, 1.0, "per second")


def _missing(house: Client, device: Device) -> list[str]:
    """Entities of the device that should have a value and have none."""
    return [
        entity
        for entity, state in house.states().items()
        if entity.partition(".")[2].startswith(f"{device.name}_")
        and not entity.startswith("button.")
        and not entity.endswith((*_NEEDS_A_PICTURE, *_NEVER_SAYS))
        and state["state"] in _WITHOUT_VALUE
    ]


def main() -> int:
    """Measure everything and print it; 1 if a promise is broken."""
    root = Path(os.environ["HOMEASSISTANT_ROOT"])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker = Broker(folder)
        device = Device(folder / "garden", broker)
        device.layout.root.mkdir()
        instance = Instance(root, folder, broker.port)
        try:
            broker.start()
            instance.start()
            house = instance.client
            figures = [
                time_to_first_values(house, device),
                time_to_values(house, device),
                time_to_picture(house, device, broker),
                size_of_announcement(device, broker),
                size_of_preview(device, broker),
                idle_traffic(device, broker, 60),
            ]
        finally:
            device.stop()
            instance.stop()
            broker.stop()
    for figure in figures:
        verdict = "ok" if figure.value < figure.limit else "MISSED"
        sys.stdout.write(
            f"{figure.name:32} {figure.value:9.6g} of {figure.limit:g} {figure.unit}  {verdict}\n"
        )
    return int(any(figure.value >= figure.limit for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
