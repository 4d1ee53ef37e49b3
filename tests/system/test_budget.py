"""What an installation costs while nothing happens, and while pictures are taken.

Two machines run beside the other tests that are `alone`, and are looked at here, last: the longer,
the better.
`CINEPI_BUDGET_S=3600 make test-system TEST_ARGS=tests/system/test_budget.py` watches for an hour.
"""

import time
from typing import NamedTuple

import pytest

from tests.system.conftest import Figure
from tests.system.dashboard import Dashboard
from tests.system.installation import BROKER, DAEMON, SERVICE, all_captures, property_of
from tests.system.machine import Machine, wait_until
from tests.system.watched import BUDGET_S, Watched

pytestmark = pytest.mark.alone

JOURNALD = "systemd-journald.service"
SHORTEST = 0.25
"""Hours: one write, of a timer of the system's say, is no rate, so that less counts as so much."""


class Written(NamedTuple):
    """Megabytes written since a machine began to be watched.

    Attributes:
        disk: All that reached the disk: the file system's journal and metadata too.
        units: By unit, as the kernel counts it for the main process (`write_bytes`).
    """

    disk: float
    units: dict[str, float]


def written(watched: Watched) -> Written:
    """What was written until now, once the machine has been watched for long enough."""
    left = watched.begun + BUDGET_S - time.monotonic()
    wait_until(lambda: watched.begun + BUDGET_S < time.monotonic(), left + 1, "the time passes")
    for unit in (SERVICE, DAEMON):
        if property_of(watched.machine, unit, "NRestarts") != "0":  # its count went with it
            said = watched.machine.run("journalctl", "-qu", unit, "-p", "warning", "-o", "cat")
            pytest.skip(f"a disturbed machine measures nothing; {unit} began anew: {said[-500:]}")
    now = watched.look()
    units = {
        unit: (now.units[unit] - before) / 1e6 for unit, before in watched.before.units.items()
    }
    return Written(disk=(now.disk - watched.before.disk) / 1e6, units=units)


def memory_of(pi: Machine, unit: str) -> float:
    """Megabytes that only this unit's process holds, and its share of what it has in common."""
    number = property_of(pi, unit, "MainPID")
    for line in pi.run("cat", f"/proc/{number}/smaps_rollup").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise AssertionError(line)


@pytest.mark.timeout(BUDGET_S + 600)
def test_idle(idle: Watched, figure: Figure) -> None:
    """Without a session the card is spared, and memory stays small."""
    found = written(idle)
    watched = (time.monotonic() - idle.begun) / 3600
    figure("idle: watched for", watched * 60, "min")
    hours = max(watched, SHORTEST)
    for unit in (SERVICE, DAEMON, BROKER, JOURNALD):
        figure(f"idle: written by {unit}", found.units[unit] / hours, "MB/h")
    ours = sum(found.units[unit] for unit in (SERVICE, DAEMON, BROKER))
    figure("idle: written by both services and the broker", ours / hours, "MB/h", 1)
    # The system's timers, its journal, and the file system's metadata for all of it.
    figure("idle: written to the disk, the system's own included", found.disk / hours, "MB/h")
    memory = {unit: memory_of(idle.machine, unit) for unit in (SERVICE, DAEMON)}
    for unit, size in memory.items():
        figure(f"idle: memory of {unit} (PSS)", size, "MB")
    figure("idle: memory of both (PSS)", sum(memory.values()), "MB", 100)


@pytest.mark.timeout(BUDGET_S + 600)
def test_session(busy: Watched, figure: Figure) -> None:
    """What is written beside the pictures, for each thousand of them."""
    found = written(busy)
    with Dashboard(busy.machine.forward(1883)) as dashboard:
        session = dashboard.command("session/stop")
        taken = session["frames"] - busy.frames
        newest = all_captures(dashboard)[:taken]
    figure("session: frames missed beside the other tests", session["missed"], "")
    images = sum(capture["size"] for capture in newest) / 1e6
    figure("session: frames", taken, "")
    figure("session: size of a picture", images / taken * 1e3, "kB")
    for what, size, limit in (
        ("written by cinepi beside the pictures", found.units[SERVICE] - images, 30),
        ("written by cinepid", found.units[DAEMON], 5),
        ("written by the broker", found.units[BROKER], 5),
        ("the disk beside the pictures, all told", found.disk - images, 150),
    ):
        figure(f"session: {what}", size / taken * 1e3, "MB/1000", limit)
    figure("session: memory of cinepi (PSS)", memory_of(busy.machine, SERVICE), "MB")
