"""health: every device looks at itself now."""

import argparse

from cinepid.ctl.ask import Reply
from cinepid.ctl.program import Verb
from cinepid.ctl.text import size
from cinepid.ctl.work import (
    add_command_options,
    add_targets,
    command_of,
    command_verb,
    targets_of,
    working,
)

_CHECKS = {
    "cinepi_modules": "modules",
    "file_system": "file system",
    "configuration": "configuration",
    "mqtt": "MQTT",
}


def _options(parser: argparse.ArgumentParser) -> None:
    add_targets(parser)
    add_command_options(parser)


def _tell(reply: Reply) -> str:
    health = reply.data() or {}
    parts = [str(health.get("state", "unknown"))]
    if health.get("cpu_percent") is not None:
        parts.append(f"CPU {health['cpu_percent']:.0f}%")
    if health.get("memory_percent") is not None:
        parts.append(f"memory {health['memory_percent']:.0f}%")
    if health.get("temperature_c") is not None:
        parts.append(f"{health['temperature_c']:.0f}°C")
    parts.append(f"{size(health.get('disk_free_bytes'))} free")
    checks = health.get("checks") or {}
    for key, name in _CHECKS.items():
        check = checks.get(key) or {}
        if check.get("state") != "ok":
            parts.append(f"{name} {check.get('state', 'unknown')}: {check.get('reason', '')}")
    return ", ".join(parts)


async def _run(options: argparse.Namespace) -> int:
    wanted = targets_of(options, everyone_if_none=True)
    async with working(options) as work:
        devices = await work.find(wanted)
        command = command_of(options, "health/check")
        return await command_verb(work, command, devices, wanted=wanted, telling=_tell)


VERB = Verb(
    help="let devices check themselves now",
    run=_run,
    add_options=_options,
    examples=("health", "health garden --json"),
)
