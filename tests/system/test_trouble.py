"""What goes wrong on a Pi over the years, and how the installation takes it."""

import pytest

from tests.system.dashboard import Dashboard
from tests.system.installation import (
    CONFIG,
    DAEMON,
    SERVICE,
    assert_complete,
    drop_in,
    journal_of,
    property_of,
)
from tests.system.machine import Machine, wait_until

SOCKET = "cinepi.socket"
"""Stopped with the service where that must stay away: the daemon knocks again within a second."""
PASSWORDS = "/etc/mosquitto/passwords"


def test_camera_configuration_is_garbage(pi: Machine, dashboard: Dashboard) -> None:
    """A camera configuration that became garbage is replaced by the newest good one, loudly."""
    dashboard.command("config/patch", patch={"camera": {"iso": 400}})
    dashboard.command("config/patch", patch={"camera": {"iso": 200}})
    pi.run("systemctl", "stop", SOCKET, SERVICE)
    pi.shell("head -c 1000 /dev/urandom >/opt/cinepi/config/cinepi.yaml")
    pi.run("systemctl", "start", SERVICE)
    effective = dashboard.command("config/get", 40)["effective"]
    assert effective["camera"]["iso"] in (200, 400)
    assert list(pi.path("/opt/cinepi/config").glob("cinepi.yaml.broken-*"))
    wait_until(lambda: dashboard.events("config_recovered"), 20, "the event")


def test_camera_configuration_of_root_alone(pi: Machine, dashboard: Dashboard) -> None:
    """What root's tools took from the service is its own again at its next start."""
    dashboard.command("config/patch", patch={"camera": {"iso": 400}})
    pi.run("systemctl", "stop", SOCKET, SERVICE)
    pi.shell(
        "chown root:root /opt/cinepi/config/cinepi.yaml; chmod 600 /opt/cinepi/config/cinepi.yaml;"
        "chown root:root /opt/cinepi/captures"
    )
    pi.run("systemctl", "start", SERVICE)
    assert dashboard.command("config/get", 40)["effective"]["camera"]["iso"] == 400
    dashboard.command("config/patch", patch={"camera": {"iso": 200}})
    dashboard.command("snapshot/take")


def test_daemon_configuration_wrong(pi: Machine) -> None:
    """A wrong cinepid.yaml stops the daemon once, with its reason; pictures go on without it."""
    pi.write(CONFIG, "broker: {hots: localhost}\n")
    pi.run("systemctl", "restart", DAEMON, check=False)
    wait_until(lambda: property_of(pi, DAEMON, "ActiveState") == "failed", 20, "the daemon ends")
    assert property_of(pi, DAEMON, "ExecMainStatus") == "78"
    assert property_of(pi, DAEMON, "NRestarts") == "0"
    assert "hots" in journal_of(pi, DAEMON)
    assert "hots" in pi.run("cinepid", "check", check=False)
    assert "idle" in pi.run("python3", "-m", "cinepi.timing", "status")


def test_daemon_configuration_of_another(pi: Machine) -> None:
    """A cinepid.yaml that the daemon may not read is named, with what is wrong."""
    pi.shell(f"chown root:root {CONFIG}; chmod 600 {CONFIG}")
    pi.run("systemctl", "restart", DAEMON, check=False)
    wait_until(lambda: property_of(pi, DAEMON, "ActiveState") == "failed", 20, "the daemon ends")
    assert "cannot be read: Permission denied" in journal_of(pi, DAEMON)


@pytest.fixture
def with_password(pi: Machine) -> Machine:
    """A machine whose broker wants a password, which the daemon has."""
    pi.shell(
        f"touch {PASSWORDS}; chown mosquitto {PASSWORDS}; chmod 600 {PASSWORDS};"
        f"mosquitto_passwd -b {PASSWORDS} box first; mosquitto_passwd -b {PASSWORDS} me mine;"
        f"printf 'listener 1883 127.0.0.1\\npassword_file {PASSWORDS}\\n' "
        ">/etc/mosquitto/conf.d/passwords.conf; systemctl restart mosquitto;"
        "umask 077; printf first >/etc/cinepid/mqtt.password"
    )
    pi.shell(f"printf 'broker: {{host: localhost, username: box}}\\n' >{CONFIG}")
    pi.run("systemctl", "restart", DAEMON)
    return pi


def test_password_as_credential(with_password: Machine) -> None:
    """The password lies in a file of root's alone, and the daemon gets in."""
    with Dashboard(with_password.forward(1883), login=("me", "mine")) as dashboard:
        dashboard.is_online()
    assert with_password.run("stat", "--format=%U %a", "/etc/cinepid/mqtt.password") == "root 600"
    assert "all is well" in with_password.run("cinepid", "check", check=False)


def test_password_changed(with_password: Machine) -> None:
    """A changed password is explained; with the new one the daemon is back."""
    pi = with_password
    with Dashboard(pi.forward(1883), login=("me", "mine")) as dashboard:
        dashboard.is_online()
        pi.shell(f"mosquitto_passwd -b {PASSWORDS} box second; systemctl restart mosquitto")
        wait_until(lambda: "uthori" in journal_of(pi, DAEMON), 30, "the reason in the log")
        assert property_of(pi, DAEMON, "ActiveState") == "active"
        assert "username" in pi.run("cinepid", "check", check=False)
        pi.shell("umask 077; printf second >/etc/cinepid/mqtt.password")
        pi.run("systemctl", "restart", DAEMON)
    with Dashboard(pi.forward(1883), login=("me", "mine")) as dashboard:
        dashboard.is_online()


def test_disk_filled(pi: Machine, dashboard: Dashboard) -> None:
    """On a full disk the session waits and says why; when there is room it goes on by itself."""
    dashboard.command("session/start", interval=1)
    dashboard.has_frames(2)
    pi.shell(
        "fallocate -l $(($(stat -f -c '%a*%S' /var) - (16 << 20))) /var/ballast;"
        "cat /dev/zero >/var/grains 2>/dev/null || true"
    )
    paused = dashboard.state("session", 60, lambda found: bool(found["state"] == "paused"))
    assert paused["pause_reason"] == "storage_full", paused
    health = dashboard.command("health/check")
    assert health["checks"]["file_system"]["state"] == "failing"
    refused = dashboard.ask("snapshot/take")
    assert refused["error"]["code"] == "storage_full", str(refused)
    pi.run("rm", "/var/ballast", "/var/grains")
    dashboard.state("session", 120, lambda found: bool(found["state"] == "active"))
    dashboard.has_frames(paused["frames"] + 2)
    assert_complete(pi, dashboard)
    assert property_of(pi, SERVICE, "NRestarts") == "0"
    assert property_of(pi, DAEMON, "NRestarts") == "0"


@pytest.mark.parametrize("unit", [SERVICE, DAEMON])
def test_hang(pi: Machine, dashboard: Dashboard, unit: str) -> None:
    """A process that stands still is killed by the watchdog and started again."""
    drop_in(pi, unit, "[Service]\nWatchdogSec=5\nTimeoutAbortSec=5\n")
    pi.run("systemctl", "restart", unit)
    wait_until(lambda: dashboard.ask("session/start", interval=2)["success"], 40, "a go")
    dashboard.has_frames(1)
    stuck = property_of(pi, unit, "MainPID")
    pi.run("kill", "-STOP", stuck)
    wait_until(
        lambda: (
            property_of(pi, unit, "MainPID") not in (stuck, "0")
            and property_of(pi, unit, "ActiveState") == "active"
        ),
        40,
        "another process",
    )
    assert "Watchdog timeout" in journal_of(pi, unit)
    frames = dashboard.command("session/get")["frames"]
    dashboard.has_frames(frames + 2)


def test_camera_service_cannot_start(pi: Machine, dashboard: Dashboard) -> None:
    """While the camera service fails again and again, MQTT answers, and restarts get rarer."""
    drop_in(pi, SERVICE, "[Service]\nExecStart=\nExecStart=/bin/false\n")
    pi.run("systemctl", "kill", "--signal=SIGKILL", SERVICE)
    wait_until(lambda: int(property_of(pi, SERVICE, "NRestarts")) >= 3, 60, "some restarts")
    answer = dashboard.ask("session/get", 40)
    assert answer["error"]["code"] in ("camera_unavailable", "timeout")
    assert answer["error"]["retryable"]
    assert property_of(pi, "cinepi.socket", "ActiveState") == "active"
    assert float(property_of(pi, SERVICE, "RestartUSecNext").removesuffix("s")) > 1

    drop_in(pi, SERVICE, "")
    pi.run("systemctl", "restart", SERVICE)
    assert dashboard.command("session/get", 40)["state"] == "idle"


def test_logs_are_bounded(pi: Machine, dashboard: Dashboard) -> None:
    """A log file that has grown is put aside, old ones go, and logs/recent still answers."""
    for owner, log in (("cinepi", "system"), ("cinepid", "app")):
        line = '{"timestamp":"2026-01-01T00:00:00Z","level":"info","module":"x","message":"old"}'
        pi.shell(f"yes '{line}' | head -c 1200000 >/var/log/{owner}/{log}.log")
        pi.shell(f"chown {owner}: /var/log/{owner}/{log}.log")
    pi.run("systemctl", "restart", SERVICE, DAEMON)
    dashboard.command("snapshot/take")
    for owner in ("cinepi", "cinepid"):
        files = list(pi.path(f"/var/log/{owner}").iterdir())
        assert len(files) >= 2, files
        assert sum(file.stat().st_size for file in files) < 6_000_000
    assert dashboard.command("logs/recent", limit=5)["logs"]
    pi.run("journalctl", "--rotate", "--vacuum-size=1M")
    assert dashboard.command("logs/recent", limit=5)["logs"]
