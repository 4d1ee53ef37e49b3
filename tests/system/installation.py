"""What the tests read of an installed product, from outside of it."""

import hashlib
from typing import Any

from tests.system.dashboard import Dashboard
from tests.system.machine import Machine

CONFIG = "/opt/cinepi/config/cinepid.yaml"
SERVICE = "cinepi.service"
DAEMON = "cinepid.service"
BROKER = "mosquitto.service"


def property_of(pi: Machine, unit: str, name: str, *options: str) -> str:
    """One property of a unit, as systemd shows it."""
    return pi.run("systemctl", "show", f"--property={name}", "--value", *options, unit)


def journal_of(pi: Machine, unit: str) -> str:
    """All that a unit said since it was installed."""
    return pi.run("journalctl", f"--unit={unit}", "--output=cat", "--no-pager")


def drop_in(pi: Machine, unit: str, text: str) -> None:
    """Change a unit for this test."""
    pi.write(f"/run/systemd/system/{unit}.d/test.conf", text)
    pi.run("systemctl", "daemon-reload")


def all_captures(dashboard: Dashboard) -> list[dict[str, Any]]:
    """Every picture that the device knows, newest first."""
    found: list[dict[str, Any]] = []
    before: dict[str, Any] = {}
    while True:
        page = dashboard.command("captures/list", limit=50, **before)
        found += page["captures"]
        if not page.get("next"):
            return found
        before = {"before": page["next"]}


def assert_complete(pi: Machine, dashboard: Dashboard) -> int:
    """Every picture that the device knows is whole, none is unknown; returns how many there are."""
    captures = all_captures(dashboard)
    for capture in captures:
        content = pi.path(capture["path"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == capture["sha256"], capture
        assert content.startswith(b"\xff\xd8"), capture
        assert content.endswith(b"\xff\xd9"), capture
    return len(captures)
