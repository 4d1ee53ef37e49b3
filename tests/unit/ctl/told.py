"""Devices as a broker tells of them."""

import json
from typing import Any

from cinepi.clock import rfc3339
from cinepid.ctl.fleet import Device, Fleet

NOW = 1_800_000_000.0


def tell(
    fleet: Fleet, device: str, channel: str, *, live: bool = False, **content: object
) -> Device | None:
    """One document, `at` now and of run `a1` if nothing else is said."""
    document = {"at": rfc3339(NOW), "boot": "a1", "seq": 1, **content}
    topic = f"cinepi/{device}/{channel}"
    payload = json.dumps(document).encode()
    return fleet.hear(topic, payload, is_live=live, wall=NOW, now=100.0)


def online(fleet: Fleet, device: str = "garden", **info: Any) -> Device:
    """A device that is well."""
    tell(fleet, device, "status", state="online", version="1.0", reason="start")
    tell(fleet, device, "info", version="1.0", **info)
    tell(fleet, device, "health", state="ok", checks={}, clock_synced=True)
    tell(fleet, device, "session", state="idle")
    return fleet.devices[device]
