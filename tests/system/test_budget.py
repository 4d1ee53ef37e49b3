"""What an installation costs while nothing happens, and while pictures are taken."""

import time
from pathlib import Path

import pytest

from tests.system.conftest import Figure
from tests.system.dashboard import Dashboard
from tests.system.installation import DAEMON, SERVICE, all_captures, property_of
from tests.system.machine import Machine, wait_until

IDLE_S = 150  # five health reports
FRAMES = 60


def written_by(pi: Machine, unit: str) -> int:
    """Bytes that a unit's main process has sent to the disk so far."""
    number = property_of(pi, unit, "MainPID")
    for line in pi.run("cat", f"/proc/{number}/io").splitlines():
        if line.startswith("write_bytes:"):
            return int(line.split()[1])
    raise AssertionError(line)


def written_to_disk(pi: Machine) -> int:
    """Bytes that reached the machine's disk so far, the file system's own included."""
    pi.run("sync")
    mounted = pi.root.parent / "disk"
    device = next(
        line.split()[0]
        for line in Path("/proc/mounts").read_text().splitlines()
        if line.split()[1] == str(mounted)
    )
    statistics = Path(f"/sys/block/{Path(device).name}/stat").read_text().split()
    return int(statistics[6]) * 512


def memory_of(pi: Machine, unit: str) -> float:
    """Megabytes that only this unit's process holds, and its share of what it has in common."""
    number = property_of(pi, unit, "MainPID")
    for line in pi.run("cat", f"/proc/{number}/smaps_rollup").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise AssertionError(line)


@pytest.mark.timeout(900)
def test_idle(pi: Machine, dashboard: Dashboard, figure: Figure) -> None:
    """Without a session the card is spared, and memory stays small."""
    dashboard.command("health/check")
    _settle()
    units = (SERVICE, DAEMON, "mosquitto.service", "systemd-journald.service")
    before = {unit: written_by(pi, unit) for unit in units}
    disk = written_to_disk(pi)
    begun = time.monotonic()
    wait_until(lambda: time.monotonic() - begun > IDLE_S, IDLE_S + 10, "the time passes")
    hours = (time.monotonic() - begun) / 3600
    written = {unit: (written_by(pi, unit) - before[unit]) / 1e6 / hours for unit in units}
    disk_mb = (written_to_disk(pi) - disk) / 1e6 / hours
    figure("written idle, the whole disk with the file system's own", disk_mb, "MB/h", 1)
    for unit in units:  # what the kernel counts for a process leaves the metadata out
        figure(f"  of it by {unit}", written[unit], "MB/h", 1)
    figure("memory idle, camera service (PSS)", memory_of(pi, SERVICE), "MB", 80)
    figure("memory idle, daemon (PSS)", memory_of(pi, DAEMON), "MB", 45)


@pytest.mark.timeout(900)
def test_session(pi: Machine, dashboard: Dashboard, figure: Figure) -> None:
    """What is written beside the pictures, for each thousand of them."""
    dashboard.command("session/start", interval=1)
    dashboard.has_frames(3)
    first = dashboard.state("session")["frames"]
    units = (SERVICE, DAEMON)
    before = {unit: written_by(pi, unit) for unit in units}
    last = dashboard.has_frames(first + FRAMES, FRAMES * 3)["frames"]
    after = {unit: written_by(pi, unit) for unit in units}
    dashboard.command("session/stop")
    taken = last - first
    newest = all_captures(dashboard)[:taken]
    images = sum(capture["size"] for capture in newest) / taken
    of_camera = (after[SERVICE] - before[SERVICE]) / taken - images
    of_daemon = (after[DAEMON] - before[DAEMON]) / taken
    figure("written per 1,000 frames beside the pictures, camera", of_camera / 1e3, "MB", 60)
    figure("written per 1,000 frames, daemon", of_daemon / 1e3, "MB", 20)


def _settle() -> None:
    """Let what start-up wrote reach the disk."""
    begun = time.monotonic()
    wait_until(lambda: time.monotonic() - begun > 10, 20, "the start settles")
