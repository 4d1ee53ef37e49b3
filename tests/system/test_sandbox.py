"""What each unit can and cannot do, tried from inside the running unit; and what systemd scores.

A refusal proves a directive only where the same attempt succeeds without it, so the probe runs in
three places: in the unit as it is, in the unit with root as its user (what if somebody became
root?), and as the unit's user without a unit.
"""

import json
from pathlib import Path

import pytest

from tests.system.conftest import Figure
from tests.system.dashboard import Dashboard
from tests.system.machine import Machine

PROBE = Path(__file__).with_name("probe.py")
UNITS = ("cinepi.service", "cinepid.service")

FOR_NOBODY = (
    "read:/etc/shadow",
    "read:/root",
    "read:/home/pi",
    "read:/etc/cinepid/mqtt.password",
    "write:/",
    "write:/etc",
    "write:/usr/lib/python3/dist-packages/cinepi",
    "write:/opt/cinepi",
    "write:/var/lib",
    "write:/home/pi",
)
REFUSED_TO_BOTH = (
    "raw packets",
    "bluetooth",
    "see others' processes",
    "signal systemd",
    "trace systemd",
    "new namespace",
    "mount",
    "become root",
    "set the host name",
    "set the clock",
    "kernel log",
    "change a kernel setting",
    "writable code",
    "set-user-id file",
    "a device that is not a camera",
    *(place.replace(":", " ", 1) for place in FOR_NOBODY),
)


# Root owns these files and processes, which needs no capability; all else stays refused.
ROOTS_OWN = {
    "see others' processes",  # hidepid= spares the group root
    "become root",
    "signal systemd",
    "read /etc/shadow",
    "read /etc/cinepid/mqtt.password",
}
# What any process of the same user can do, so that only the unit's directives can forbid it.
FORBIDDEN_BY_DIRECTIVES = {
    "internet",
    "internet 6",
    "see others' processes",
    "new namespace",
    "writable code",
    "set-user-id file",
    "see devices",
    "a device that is not a camera",
    "read /home/pi",
    "write /home/pi",
}


def prepared(pi: Machine) -> Machine:
    """Put the probe, and things that tempt it, on a machine."""
    pi.write("/usr/local/lib/probe.py", PROBE.read_text())
    pi.shell(
        "mkdir -p /home/pi; echo secret >/home/pi/file; chmod -R o+rwX /home/pi;"
        "install -m 600 /dev/null /etc/cinepid/mqtt.password;"
        "[ -e /dev/net/tun ] || { mkdir -p /dev/net; mknod /dev/net/tun c 10 200; };"
        "chmod 666 /dev/net/tun; [ -e /dev/video0 ] || mknod -m 666 /dev/video0 c 81 0"
    )
    return pi


def command(spare: str, *places: str) -> str:
    """The probe; `spare` is a file that it may write."""
    return " ".join(["/usr/bin/python3", "-I", "/usr/local/lib/probe.py", spare, *places])


def answers(said: str) -> dict[str, str]:
    """What the last probe printed."""
    assert "PROBE {" in said, said
    found: dict[str, str] = json.loads(said.rsplit("PROBE ", maxsplit=1)[-1].splitlines()[0])
    return found


def probe(pi: Machine, unit: str, spare: str, *places: str, more: str = "") -> dict[str, str]:
    """Restart `unit` with the probe before it, and `more` settings."""
    drop_in = f"/run/systemd/system/{unit}.d/probe.conf"
    pi.write(drop_in, f"[Service]\nExecStartPre={command(spare, *places)}\n{more}")
    pi.run("systemctl", "daemon-reload")
    pi.run("systemctl", "restart", unit, check=False)
    said = pi.run("journalctl", "--unit", unit, "--output=cat", "--no-pager")
    pi.run("rm", drop_in)
    return answers(said)


def grants_real_time(pi: Machine) -> bool:
    """Whether the machine may raise limits at all; in a container the host decides that."""
    return "yes" in pi.shell("prlimit --rtprio=50:50 echo yes 2>&1 || true")


@pytest.fixture
def with_secrets(pi: Machine, dashboard: Dashboard) -> Machine:
    """A machine on which there is something to steal."""
    dashboard.command("snapshot/take")
    dashboard.command("config/backup")
    return prepared(pi)


def test_camera_unit(with_secrets: Machine) -> None:
    """The camera unit has its files and the real-time class, no network, and nothing of others."""
    found = probe(
        with_secrets,
        "cinepi.service",
        "/var/lib/cinepi/.probe",
        "write:/opt/cinepi/captures",
        "write:/opt/cinepi/config",
        "write:/var/lib/cinepi",
        "write:/var/log/cinepi",
        "write:/run/cinepi",
        "read:/opt/cinepi/config/cinepid.yaml",
        "read:/etc/cinepid",
        "read:/var/lib/cinepid",
        "read:/var/log/cinepid",
        *FOR_NOBODY,
    )
    allowed = {name for name, answer in found.items() if answer == "allowed"}
    assert allowed - {"see devices", "real-time class"} == {
        "write /opt/cinepi/captures",
        "write /opt/cinepi/config",
        "write /var/lib/cinepi",
        "write /var/log/cinepi",
        "write /run/cinepi",
    }, found
    assert set(REFUSED_TO_BOTH) | {"internet", "internet 6"} <= set(found)
    assert ("real-time class" in allowed) == grants_real_time(with_secrets)
    if "video4linux" in with_secrets.run("cat", "/proc/devices"):  # else the class has no number
        assert found["a camera"] != "EPERM", "the device list keeps cameras out"


def test_daemon_unit(with_secrets: Machine) -> None:
    """The daemon has the network and the socket, no devices, and none of the camera's files."""
    found = probe(
        with_secrets,
        "cinepid.service",
        "/var/lib/cinepid/.probe",
        "knock:/run/cinepi/cinepi.sock",
        "read:/opt/cinepi/config/cinepid.yaml",
        "write:/var/lib/cinepid",
        "write:/var/log/cinepid",
        "read:/opt/cinepi/captures",
        "read:/opt/cinepi/config/cinepi.yaml",
        "read:/opt/cinepi/config/backups",
        "read:/var/lib/cinepi",
        "read:/var/log/cinepi",
        "write:/opt/cinepi/captures",
        "write:/opt/cinepi/config",
        "write:/run/cinepi",
        *FOR_NOBODY,
    )
    allowed = {name for name, answer in found.items() if answer == "allowed"}
    assert allowed == {
        "internet",
        "internet 6",
        "knock /run/cinepi/cinepi.sock",
        "read /opt/cinepi/config/cinepid.yaml",
        "write /var/lib/cinepid",
        "write /var/log/cinepid",
    }, found
    assert set(REFUSED_TO_BOTH) <= set(found)
    assert {"real-time class", "see devices"} <= set(found)


def test_probe_is_no_coward(with_secrets: Machine) -> None:
    """Without a unit the same user can do what the directives forbid, so they do forbid it."""
    for user in ("cinepi", "cinepid"):
        alone = ["systemd-run", "--quiet", "--wait", "--pipe", f"--property=User={user}"]
        tried = command(f"/home/pi/{user}", *FOR_NOBODY).split()
        found = answers(with_secrets.run(*alone, *tried))
        allowed = {name for name, answer in found.items() if answer == "allowed"}
        assert allowed >= FORBIDDEN_BY_DIRECTIVES, found


@pytest.mark.parametrize("unit", UNITS)
def test_even_root_is_locked_in(with_secrets: Machine, unit: str) -> None:
    """Were the unit's user root, nearly everything would stay refused all the same."""
    root = "User=root\nGroup=root\nSupplementaryGroups=\n"
    folder = unit.removesuffix(".service")
    # its folders are the product's user's, and this root has no right over others' files
    found = probe(
        with_secrets,
        unit,
        f"/tmp/{folder}",  # noqa: S108 - the unit's own
        *FOR_NOBODY,
        more=root,
    )
    allowed = {name for name, answer in found.items() if answer == "allowed"}
    assert not allowed & (set(REFUSED_TO_BOTH) - ROOTS_OWN), found


@pytest.mark.parametrize(("unit", "limit"), [("cinepi.service", 1.0), ("cinepid.service", 1.5)])
def test_exposure(pi: Machine, figure: Figure, unit: str, limit: float) -> None:
    """The score of the loaded units stays within what was promised."""
    said = pi.run("systemd-analyze", "security", "--no-pager", unit)
    score = float(said.split("exposure level for")[-1].split(":")[1].split()[0])
    figure(f"exposure of {unit} (systemd-analyze security)", score, "", limit)


def test_units_are_well_formed(pi: Machine) -> None:
    """Systemd has nothing to say against the units, and warned of nothing when it loaded them."""
    assert pi.run("systemd-analyze", "verify", *UNITS, "cinepi.socket") == ""
    said = pi.run("journalctl", "--boot", "--identifier=systemd", "--output=cat", "--no-pager")
    assert "/usr/lib/systemd/system/cinepi" not in said


def test_shutter_gets_the_real_time_class(pi: Machine, dashboard: Dashboard) -> None:
    """In the unit as it is, the shutter thread waits in SCHED_FIFO."""
    if not grants_real_time(pi):
        pytest.skip("this host does not let the box raise limits (CAP_SYS_RESOURCE)")
    dashboard.command("session/start", interval=1)
    dashboard.has_frames(1)
    classes = pi.shell(
        "ps -L -o cls= -p $(systemctl show --property=MainPID --value cinepi.service)"
    )
    assert "FF" in classes.split()


def test_strangers_are_not_let_in(pi: Machine, dashboard: Dashboard) -> None:
    """Another user of the Pi can use neither socket nor pictures; a member of the group can."""
    picture = dashboard.command("snapshot/take")["path"]
    pi.shell("useradd stranger; useradd --groups cinepi friend")
    attempts = {
        "socket": "python3 -m cinepi.timing status",
        "picture": f"head -c 2 {picture}",
        "password": "cat /opt/cinepi/config/cinepid.yaml",
    }
    for user, expected in (("stranger", set()), ("friend", {"socket", "picture"})):
        passed = {
            name
            for name, command in attempts.items()
            if "yes" in pi.shell(f"su {user} -c '{command}' >/dev/null 2>&1 && echo yes || echo no")
        }
        assert passed == expected, user
