"""Make the pictures of the documentation: `python -m tests.homeassistant.harness.screenshots DIR`.

HOMEASSISTANT_ROOT says where Home Assistant is; Chromium must be installed.
"""

import os
import sys
import tempfile
from pathlib import Path

import yaml

from tests.homeassistant.harness.broker import Broker
from tests.homeassistant.harness.browser import Browser
from tests.homeassistant.harness.client import Client, wait_until
from tests.homeassistant.harness.device import Device
from tests.homeassistant.harness.instance import Instance

_DASHBOARD = Path(__file__).parents[3] / "docs/home-assistant/dashboard.yaml"
_DESKTOP, _PHONE = (1280, 1000), (412, 915)
_WHOLE_PHONE = (412, 3100)


def take(browser: Browser, house: Client, folder: Path) -> None:
    """Take all pictures, on a desktop and on a phone, in light and in dark."""
    device = f"/config/devices/device/{house.device('cinepi_garden')['id']}"
    dashboard = "/time-lapse/timelapse"
    browser.look(width=_DESKTOP[0], height=_DESKTOP[1])
    browser.open(dashboard)  # icons are fetched with the first page, and come late
    for is_dark in (False, True):
        suffix = "-dark" if is_dark else ""
        browser.look(width=_DESKTOP[0], height=_DESKTOP[1], is_dark=is_dark)
        browser.open(dashboard)
        browser.take(folder / f"dashboard{suffix}.png")
        browser.open(device)
        browser.take(folder / f"device{suffix}.png")
        browser.look(width=_PHONE[0], height=_PHONE[1], is_dark=is_dark)
        browser.open(dashboard)
        browser.take(folder / f"dashboard-phone{suffix}.png")
    browser.look(width=_WHOLE_PHONE[0], height=_WHOLE_PHONE[1])
    browser.open(device)
    browser.take(folder / "device-phone.png")
    browser.look(width=_DESKTOP[0], height=700)
    browser.open("/home/areas-garden")
    browser.take(folder / "area.png")


def furnish(house: Client) -> None:
    """A session that has run for a while, the dashboard, and nothing of the harness's own."""
    house.call("number.set_value", "number.garden_interval", value=1)
    house.wait_for("number.garden_interval", "1")
    house.call("switch.turn_on", "switch.garden_timelapse_session")
    wait_until(
        lambda: (house.value("sensor.garden_disk_days_left") or "unknown") != "unknown",
        "the disk's days",
        90,
    )
    house.call("number.set_value", "number.garden_interval", value=10)
    house.wait_for("number.garden_interval", "10")
    house.call("button.press", "button.garden_take_snapshot")
    house.ask(
        "lovelace/dashboards/create",
        url_path="time-lapse",
        title="Timelapse",
        icon="mdi:timelapse",
        mode="storage",
    )
    house.ask(
        "lovelace/config/save",
        url_path="time-lapse",
        config=yaml.safe_load(_DASHBOARD.read_text()),
    )
    for issue in house.ask("repairs/list_issues")["issues"]:
        house.ask(
            "repairs/ignore_issue",
            domain=issue["domain"],
            issue_id=issue["issue_id"],
            ignore=True,
        )


def main() -> int:
    """Start everything, and leave the pictures in the folder that is named."""
    folder = Path(sys.argv[1])
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        scratch = Path(name)
        broker = Broker(scratch)
        device = Device(scratch / "garden", broker)
        device.layout.root.mkdir()
        instance = Instance(Path(os.environ["HOMEASSISTANT_ROOT"]), scratch, broker.port)
        try:
            broker.start()
            instance.start()
            device.start()
            instance.client.wait_for("sensor.garden_session_state", "Idle", 30)
            furnish(instance.client)
            browser = Browser(scratch / "browser", instance.client.url, instance.client.token)
            try:
                take(browser, instance.client, folder)
            finally:
                browser.close()
        finally:
            device.stop()
            instance.stop()
            broker.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
