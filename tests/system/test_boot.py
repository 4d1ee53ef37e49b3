"""Power on: how soon it is online, and what it does where network, broker and time are missing."""

import json
from datetime import datetime

import pytest

from tests.system.conftest import Figure
from tests.system.dashboard import Dashboard
from tests.system.installation import CONFIG, DAEMON, SERVICE, property_of
from tests.system.machine import Machine, wait_until

HOUSE = "192.168.77.1"


@pytest.mark.alone
def test_online_soon_after_the_network(pi: Machine, figure: Figure) -> None:
    """From systemd's network target to a retained `online`: within the promised time."""
    pi.run("systemctl", "add-wants", "multi-user.target", "network.target")  # as on a Pi
    pi.halt()
    pi.boot()
    with Dashboard(pi.forward(1883)) as dashboard:
        online = datetime.fromisoformat(dashboard.is_online()["since"])
    reached = property_of(pi, "network.target", "ActiveEnterTimestamp", "--timestamp=us+utc")
    day, clock = reached.split()[1:3]
    begun = datetime.fromisoformat(f"{day}T{clock}+00:00")
    figure("network target to online", (online - begun).total_seconds(), "s", 3)


@pytest.mark.alone
def test_first_boot_without_network_and_time(pi: Machine) -> None:
    """Booted without a broker and in 2020, it takes pictures; both are mended, nothing is lost."""
    pi.run("systemctl", "disable", "mosquitto")
    pi.write("/etc/clock.json", json.dumps({"offset_s": -6 * 365 * 86400, "synced": False}))
    for unit in (SERVICE, DAEMON):
        where = f"/etc/systemd/system/{unit}.d/clock.conf"
        pi.write(where, "[Service]\nEnvironment=CINEPI_CLOCK=/etc/clock.json\n")
    pi.write(CONFIG, f"broker: {{host: {HOUSE}}}\ndevice: {{id: box}}\n")
    pi.halt()
    pi.boot()
    assert property_of(pi, DAEMON, "ActiveState") == "active"
    pi.run("python3", "-m", "cinepi.timing", "start", "--interval", "1")
    wait_until(lambda: len(pictures(pi)) >= 3, 30, "pictures without a network")
    assert pictures(pi)[0].startswith("cinepi_2020")

    pi.write("/etc/clock.json", json.dumps({"offset_s": 0, "synced": True}))
    before = len(pictures(pi))
    wait_until(lambda: len(pictures(pi)) >= before + 2, 30, "pictures after the clock was set")
    pi.run("ip", "address", "add", f"{HOUSE}/32", "dev", "lo")
    pi.write("/etc/mosquitto/conf.d/open.conf", "listener 1883\nallow_anonymous true\n")
    pi.run("systemctl", "start", "mosquitto")
    with Dashboard(pi.forward(1883)) as dashboard:
        dashboard.is_online(60)
        session = dashboard.command("session/stop")
        assert session["missed"] == 0, session
        numbers = wait_until(lambda: _frames(dashboard, session["frames"]), 30, "all events")
        assert numbers == list(range(numbers[0], numbers[0] + session["frames"])), numbers
        stored = dashboard.events("capture_stored")
    assert {event["clock_synced"] for event in stored} == {True, False}


def test_camera_service_is_there_for_whoever_knocks(pi: Machine) -> None:
    """A stopped camera service starts when it is asked for, through its socket."""
    pi.run("systemctl", "stop", DAEMON)  # first: it would knock at once
    pi.run("systemctl", "stop", SERVICE)
    assert property_of(pi, "cinepi.socket", "ActiveState") == "active"
    assert property_of(pi, SERVICE, "ActiveState") == "inactive"
    assert "idle" in pi.run("python3", "-m", "cinepi.timing", "status")
    assert property_of(pi, SERVICE, "ActiveState") == "active"


def pictures(pi: Machine) -> list[str]:
    """Names of the pictures on the disk."""
    return sorted(file.name for file in pi.path("/opt/cinepi/captures").glob("cinepi_*.jpg"))


def _frames(dashboard: Dashboard, number: int) -> list[int]:
    stored = dashboard.events("capture_stored")
    return [event["frame"] for event in stored] if len(stored) >= number else []
