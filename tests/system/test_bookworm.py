"""The other way in: the installer, on the Raspberry Pi OS before today's."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.conftest import REPOSITORY, made_box
from tests.system.dashboard import Dashboard
from tests.system.installation import SERVICE, assert_complete, property_of
from tests.system.machine import Machine

WHEELS = "PIP_NO_INDEX=1 PIP_FIND_LINKS=/srv/wheels"
TRACES = "find /etc /opt /run /usr /var -xdev -iname '*cinepi*' ! -path '/var/log/journal/*'"
PARTS = ("cinepi", "cinepid", "systemd", "mosquitto", "docs", "pyproject.toml", "LICENSE")


@pytest.fixture(scope="module")
def bookworm(machines: Path) -> Iterator[Machine]:
    """A booted bookworm with a broker, and the repository on it."""
    with Machine(made_box("bookworm"), machines / "bookworm") as machine:
        machine.boot()
        machine.run("apt-get", "install", "--yes", "mosquitto")
        target = machine.path("/srv/cinepi")
        for part in PARTS:
            whole = REPOSITORY / part
            if whole.is_dir():
                shutil.copytree(whole, target / part, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                target.mkdir(exist_ok=True)
                shutil.copy(whole, target)
        machine.shell(f"{WHEELS} /srv/cinepi/systemd/install", timeout=300)
        yield machine


def test_it_runs_and_survives_a_reboot(bookworm: Machine) -> None:
    """Installed by one command: a session runs, also after a boot, in the same units."""
    with Dashboard(bookworm.forward(1883)) as dashboard:
        dashboard.is_online()
        dashboard.command("session/start", interval=1)
        dashboard.has_frames(3)
    bookworm.halt()
    bookworm.boot()
    with Dashboard(bookworm.forward(1883)) as dashboard:
        dashboard.is_online()
        session = dashboard.state("session")
        assert session["state"] == "active"
        dashboard.has_frames(session["frames"] + 3)
        assert dashboard.state("camera")["backend"] == "simulated"  # bookworm has no virtual camera
        assert_complete(bookworm, dashboard)
    said = bookworm.run("systemd-analyze", "security", "--no-pager", SERVICE)
    assert float(said.split("exposure level for")[-1].split(":")[1].split()[0]) <= 1.0


def test_upgrade_goes_on(bookworm: Machine) -> None:
    """Running the installer again keeps the session and its settings."""
    with Dashboard(bookworm.forward(1883)) as dashboard:
        before = dashboard.state("session")
        bookworm.shell(f"{WHEELS} /srv/cinepi/systemd/install", timeout=300)
        after = dashboard.has_frames(before["frames"] + 5)
        assert after["id"] == before["id"]
        assert "all is well" in bookworm.run("cinepid", "check", check=False)


def test_uninstall_leaves_only_pictures(bookworm: Machine) -> None:
    """One command takes the program, with --purge the settings too; pictures stay."""
    bookworm.run("/srv/cinepi/systemd/uninstall")
    assert property_of(bookworm, SERVICE, "LoadState") == "not-found"
    assert bookworm.path("/opt/cinepi/config/cinepi.yaml").exists()
    bookworm.run("/srv/cinepi/systemd/uninstall", "--purge")
    left = bookworm.shell(TRACES).splitlines()
    assert [line for line in left if not line.endswith(".jpg")] == ["/opt/cinepi"]
    assert any(line.endswith(".jpg") for line in left)
    assert bookworm.shell("getent passwd cinepi cinepid || echo nobody") == "nobody"
