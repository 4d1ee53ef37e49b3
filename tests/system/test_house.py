"""The house broker and the bridge, set up by the words of docs/brokers.md, in a booted system."""

import re

import pytest

from tests.broker.house.test_access import PAHO_LEAVES_ITS_SOCKET, sign_expired
from tests.system.dashboard import Dashboard
from tests.system.installation import CONFIG, DAEMON, journal_of
from tests.system.machine import Machine, wait_until

SHIPPED = "/usr/share/cinepid/mosquitto"
CREDENTIALS = "/srv/credentials"
NAMES = "broker.lan,127.0.0.1"
HOUSE_BROKER = "house.service"


def instructions(said: str, heading: str) -> str:
    """The commands below a heading of make-credentials, as one would paste them."""
    lines = iter(said.splitlines())
    assert any(line.startswith(heading) for line in lines), said
    found = []
    for line in lines:
        if not line.startswith("    "):
            break
        found.append(line.strip())
    assert found, said
    return "\n".join(found)


def make_credentials(pi: Machine, arguments: str) -> str:
    """Run the shipped command where the test keeps its credentials."""
    return pi.shell(f"cd /srv; {SHIPPED}/make-credentials {arguments}")


def password_of(pi: Machine, user: str) -> str:
    """What a user of the house logs in with."""
    return pi.path(f"{CREDENTIALS}/users/{user}.password").read_text()


def in_the_house(pi: Machine, user: str = "operator") -> Dashboard:
    """A dashboard of a user of the house, over TLS."""
    ca = pi.path(f"{CREDENTIALS}/authority/ca.crt")
    return Dashboard(pi.forward(8883), login=(user, password_of(pi, user)), ca=ca)


@pytest.fixture
def house(pi: Machine) -> Machine:
    """A machine that is broker of the house and camera in one, each set up as the page says."""
    pi.shell("echo 127.0.0.1 broker.lan >>/etc/hosts")
    users = "--user operator --user monitor"
    said = make_credentials(pi, f"--server {NAMES} {users} box")
    pi.shell(
        f"cp {SHIPPED}/house.conf /etc/mosquitto/conf.d/cinepi.conf;"
        f"cp {SHIPPED}/house.acl /etc/mosquitto/cinepi.acl;"
        f"cd {CREDENTIALS}/broker\n{instructions(said, 'broker: copy')}"
    )
    pi.shell(f"cd {CREDENTIALS}/devices/box\n{instructions(said, 'device box')}")
    return pi


def test_by_the_book(house: Machine) -> None:
    """With the printed commands and no others the camera is driven over TLS, by name."""
    with in_the_house(house) as dashboard:
        dashboard.is_online()
        assert dashboard.command("snapshot/take")["size"] > 0
    said = house.run("cinepid", "check", check=False)
    assert "broker broker.lan:8883: lets us in, MQTT 5.0, encrypted" in said
    assert "all is well" in said
    assert "warning" not in journal_of(house, "mosquitto.service").lower()
    assert house.run("stat", "--format=%U %a", "/etc/cinepid/mqtt.password") == "root 600"


def test_who_gets_in_and_may_do_what(house: Machine) -> None:
    """Named users have what their role has; nobody else is let in."""
    tls = f"--cafile {CREDENTIALS}/authority/ca.crt -h broker.lan -p 8883 -V 5 -q 1"
    device = house.path(f"{CREDENTIALS}/devices/box/mqtt.password").read_text()
    logins = {
        "operator": f"-u operator -P '{password_of(house, 'operator')}'",
        "monitor": f"-u monitor -P '{password_of(house, 'monitor')}'",
        "box": f"-u box -P '{device}'",
        "wrong": "-u operator -P wrong",
        "nobody": "",
    }
    command, state = "cinepi/box/cmd/system/ping", "cinepi/box/status"
    foreign = "cinepi/roof/status"
    allowed = {
        (user, topic): house.shell(
            f"mosquitto_pub {tls} {login} -t {topic} -m '{{}}' 2>&1 | grep -qi 'not auth\\|refused'"
            " && echo no || echo ok"
        )
        == "ok"
        for user, login in logins.items()
        for topic in (command, state, foreign)
    }
    may = {case for case, is_allowed in allowed.items() if is_allowed}
    assert may == {
        ("operator", command),
        ("operator", state),
        ("operator", foreign),
        ("box", state),
        ("box", command),  # it clears retained commands in its own tree
    }
    for port in (8883, 1883):  # the one wants TLS, the other is closed
        said = house.shell(f"mosquitto_pub -h broker.lan -p {port} -t x -n && echo sent || true")
        assert "sent" not in said, said


def test_removed_device(house: Machine) -> None:
    """A device that was removed is out, and learns why; pictures go on."""
    said = make_credentials(house, "--remove box")
    house.shell(f"cd {CREDENTIALS}/broker\n{instructions(said, 'broker: copy')}")
    wait_until(lambda: "uthori" in journal_of(house, DAEMON), 30, "the reason in the log")
    assert "check username and password_file" in house.run("cinepid", "check", check=False)
    house.run("python3", "-m", "cinepi.capture", "manual")


@pytest.mark.parametrize(
    ("fault", "advice"),
    [
        ("expired", "renew the broker's certificate"),
        ("for another name", "name the broker as its certificate does"),
        ("of another authority", "it must be of the authority that signed"),
    ],
)
def test_certificate_of_the_broker(house: Machine, fault: str, advice: str) -> None:
    """A broker with a bad certificate is not spoken to, and the check says what is bad."""
    server = house.path(f"{CREDENTIALS}/broker/server")
    match fault:
        case "expired":
            sign_expired(house.path(CREDENTIALS), server, "broker.lan")
        case "for another name":
            make_credentials(house, "--server elsewhere.lan")
        case _:
            make_credentials(house, "--folder other --server broker.lan")
            house.shell(f"cp /srv/other/broker/server.* {CREDENTIALS}/broker/")
    pi_side = house.run("cat", CONFIG)
    house.shell(
        f"cd {CREDENTIALS}/broker; install -o mosquitto -m 600 server.crt server.key"
        " /etc/mosquitto/cinepi/; systemctl restart mosquitto"
    )
    wait_until(lambda: "certificate" in journal_of(house, DAEMON), 30, "the reason in the log")
    said = house.run("cinepid", "check", check=False)
    assert advice in said, said
    assert house.run("cat", CONFIG) == pi_side
    house.run("python3", "-m", "cinepi.capture", "manual")


@pytest.mark.alone
@PAHO_LEAVES_ITS_SOCKET
def test_bridge_cut_and_rejoined(pi: Machine) -> None:
    """Over the bridge the house drives the camera; what a cut held up arrives, all and in order."""
    _bridge(pi)
    with in_the_house(pi) as dashboard:
        dashboard.is_online(60)
        dashboard.command("session/start", interval=1)
        dashboard.has_frames(3)
        frames = dashboard.state("session")["frames"]
        pi.run("systemctl", "stop", HOUSE_BROKER)
        session = wait_until(
            lambda: _frames_on_the_pi(pi, frames + 4), 30, "frames while the house is away"
        )
        pi.run("systemctl", "start", HOUSE_BROKER)
        dashboard.has_frames(session + 3)
        stopped = dashboard.command("session/stop", 40)
        stored = wait_until(
            lambda: _all_events(dashboard, stopped["frames"]), 40, "every event in the house"
        )
    assert stopped["missed"] == 0
    assert stored == sorted(stored)


def _bridge(pi: Machine) -> None:
    """The Pi's broker as the page says; the house's beside it, since one machine plays both."""
    pi.shell("echo 127.0.0.1 broker.lan >>/etc/hosts")
    said = make_credentials(pi, f"--server {NAMES} --user operator box")
    assert "bridge.conf" in pi.run("ls", f"{CREDENTIALS}/devices/box")
    pi.shell(f"install -d -o mosquitto /srv/house; cp -r {CREDENTIALS}/broker /srv/house/given")
    given = "chown -R mosquitto /srv/house"
    conf = pi.path(f"{SHIPPED}/house.conf").read_text()
    conf = conf.replace("/etc/mosquitto/cinepi.acl", "/srv/house/acl")
    conf = conf.replace("/etc/mosquitto/cinepi/", "/srv/house/given/")
    pi.write(
        "/srv/house/house.conf", f"{conf}\npersistence true\npersistence_location /srv/house/\n"
    )
    pi.shell(f"install -m 600 {SHIPPED}/house.acl /srv/house/acl; {given}")
    pi.write(
        f"/run/systemd/system/{HOUSE_BROKER}",
        "[Service]\nUser=mosquitto\nExecStart=/usr/sbin/mosquitto -c /srv/house/house.conf\n",
    )
    pi.shell(f"systemctl daemon-reload; systemctl start {HOUSE_BROKER}")
    header = pi.path(f"{SHIPPED}/bridge.conf").read_text()
    command = re.search(r"^#   (sudo install .*bridge\.conf)$", header, re.MULTILINE)
    assert command, header
    pi.shell(
        f"cd {CREDENTIALS}/devices/box; {command[1]};"
        "sudo install -D -o mosquitto -m 600 ca.crt /etc/mosquitto/cinepi/ca.crt;"
        f"sudo cp {SHIPPED}/local.conf /etc/mosquitto/conf.d/; sudo systemctl restart mosquitto"
    )
    assert "broker: copy" in said


def _frames_on_the_pi(pi: Machine, least: int) -> int:
    taken = len(list(pi.path("/opt/cinepi/captures").glob("cinepi_*.jpg")))
    return taken if taken >= least else 0


def _all_events(dashboard: Dashboard, frames: int) -> list[int]:
    """The `seq` of every picture's event, as they came; nothing until all are there."""
    seen = [event["seq"] for event in dashboard.events("capture_stored")]
    return seen if len(set(seen)) >= frames else []
