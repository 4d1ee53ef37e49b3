"""Machines that are left alone while the other tests run, and whose writing is counted."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tests.system.dashboard import Dashboard
from tests.system.installation import BROKER, DAEMON, SERVICE, property_of
from tests.system.machine import Image, Machine, wait_until

BUDGET_S = float(os.environ.get("CINEPI_BUDGET_S", "150"))
"""So long at least a machine is watched; 150 s are five health reports."""

UNITS = (SERVICE, DAEMON, BROKER, "systemd-journald.service")
_SETTLE_S = 10.0
_SECTOR = 512


class Counters(NamedTuple):
    """Bytes written since the machine's boot: to its disk, and by unit."""

    disk: int
    units: dict[str, int]


@dataclass(frozen=True)
class Watched:
    """A machine, and what its counters were when the watch began.

    Attributes:
        machine: The machine, booted.
        begun: When, on the monotonic clock.
        before: The counters then.
        frames: How many frames its session had then.
    """

    machine: Machine
    begun: float
    before: Counters
    frames: int

    def look(self) -> Counters:
        """The counters now."""
        return _count(self.machine)


@contextmanager
def watch(installed: Image, folder: Path, interval: int | None) -> Iterator[Watched]:
    """A copy of `installed`, booted, with a session if there is an `interval`."""
    with installed.copy(folder) as machine:
        machine.boot()
        machine.run("cp", "/usr/share/cinepid/mosquitto/local.conf", "/etc/mosquitto/conf.d/")
        machine.run("systemctl", "restart", BROKER)
        # A retained preview lies in the broker, as in life.
        with Dashboard(machine.forward(1883)) as dashboard:
            dashboard.is_online()
            dashboard.command("snapshot/take")
            if interval is not None:
                dashboard.command("session/start", interval=interval)
                dashboard.has_frames(3)
        settled = time.monotonic() + _SETTLE_S
        wait_until(lambda: time.monotonic() > settled, _SETTLE_S + 1, "the start settles")
        before = _count(machine)
        frames = 0
        if interval is not None:
            with Dashboard(machine.forward(1883)) as dashboard:
                frames = dashboard.command("session/get")["frames"]
        yield Watched(machine, time.monotonic(), before, frames)


def _count(machine: Machine) -> Counters:
    units = {unit: _written_by(machine, unit) for unit in UNITS}
    return Counters(disk=_written_to_disk(machine), units=units)


def _written_by(machine: Machine, unit: str) -> int:
    """Bytes that a unit's main process made the kernel write; metadata is nobody's."""
    number = property_of(machine, unit, "MainPID")
    for line in machine.run("cat", f"/proc/{number}/io").splitlines():
        if line.startswith("write_bytes:"):
            return int(line.split()[1])
    raise AssertionError(line)


def _written_to_disk(machine: Machine) -> int:
    """Bytes that reached the machine's disk, the file system's own included."""
    machine.run("sync")
    mounted = machine.root.parent / "disk"
    device = next(
        line.split()[0]
        for line in Path("/proc/mounts").read_text().splitlines()
        if line.split()[1] == str(mounted)
    )
    statistics = Path(f"/sys/block/{Path(device).name}/stat").read_text().split()
    return int(statistics[6]) * _SECTOR
