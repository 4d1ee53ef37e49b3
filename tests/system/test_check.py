"""`sudo cinepid check` on an installed system: what people get wrong, and what they are told.

One machine for all: each mistake is made, looked for, and mended again.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.system.dashboard import Dashboard
from tests.system.installation import CONFIG, DAEMON, SERVICE, property_of
from tests.system.machine import Image, Machine, wait_until

PASSWORD = "/etc/cinepid/mqtt.password"  # noqa: S105 - where it lies
OPEN = "/etc/mosquitto/conf.d/z.conf"
ACL = "/etc/mosquitto/acl"
CAMERAS = "/usr/share/libcamera/pipeline/virtual/virtual.yaml"


class Mistake(NamedTuple):
    """One thing that people get wrong.

    Attributes:
        make: Shell commands.
        told: What the check must say, all of it.
        mend: Shell commands that undo it; the two configuration files come back by themselves.
        is_fatal: Whether the check must fail.
    """

    make: str
    told: tuple[str, ...]
    mend: str = ""
    is_fatal: bool = True


def configured(broker: str, more: str = "") -> str:
    """Write a cinepid.yaml with these broker settings."""
    return f"printf 'broker: {{{broker}}}\\ndevice: {{id: box}}\\n{more}' >{CONFIG}; "


RESTART = "systemctl restart mosquitto; "
MISTAKES = {
    # ---- cinepid.yaml
    "a key spelt wrong": Mistake(
        f"printf 'broker: {{hots: localhost}}\\n' >{CONFIG}",
        ("cinepid.yaml:1:16", "did you mean host?", "edit the file"),
    ),
    "no YAML": Mistake(f"printf 'broker: [\\n' >{CONFIG}", ("has mistakes", "edit the file")),
    "a tab": Mistake(f"printf 'broker:\\n\\thost: x\\n' >{CONFIG}", ("cinepid.yaml:2", "edit")),
    "a value out of range": Mistake(
        configured("port: 99999"), ("port must be a whole number between 1 and 65535",)
    ),
    "no file": Mistake(f"rm {CONFIG}", ("there is no configuration", "the smallest one is")),
    "not restarted": Mistake(
        f"sleep 2; touch {CONFIG}",
        ("was changed after the daemon had read it", "systemctl restart cinepid"),
        is_fatal=False,
    ),
    # ---- the broker
    "an unknown name": Mistake(
        configured("host: nowhere.invalid"), ("nowhere.invalid:1883 cannot", "knows the name")
    ),
    "another port": Mistake(
        configured("host: 127.0.0.1, port: 1884"), ("127.0.0.1:1884", "Connection refused")
    ),
    "mosquitto stopped": Mistake(
        "systemctl stop mosquitto",
        ("Connection refused", "systemctl status mosquitto"),
        "systemctl start mosquitto",
    ),
    "TLS to a port without": Mistake(
        configured("host: localhost, port: 1883, tls: true"), ("does that port speak TLS?",)
    ),
    "the broker wants a name": Mistake(
        f"printf 'listener 1883\\nallow_anonymous false\\n' >{OPEN}; {RESTART}",
        ("ot authorized", "set username"),
        f"rm {OPEN}; {RESTART}",
    ),
    "a wrong password": Mistake(
        f"touch /etc/mosquitto/p; chown mosquitto /etc/mosquitto/p; chmod 600 /etc/mosquitto/p;"
        f"mosquitto_passwd -b /etc/mosquitto/p box right; umask 077; printf wrong >{PASSWORD};"
        f"printf 'listener 1883\\npassword_file /etc/mosquitto/p\\n' >{OPEN}; {RESTART}"
        + configured("host: localhost, username: box"),
        ("ot authorized", "check username and password_file"),
        f"rm {OPEN} {PASSWORD}; {RESTART}",
    ),
    "the broker does not let it speak": Mistake(
        f"printf 'topic read cinepi/#\\n' >{ACL}; chown mosquitto {ACL}; chmod 700 {ACL};"
        f"printf 'listener 1883\\nallow_anonymous true\\nacl_file {ACL}\\n' >{OPEN}; {RESTART}",
        ("lets us in, but not speak", "must let clients without a name write cinepi/box/#"),
        f"rm {OPEN} {ACL}; {RESTART}",
    ),
    # ---- passwords, certificates and keys
    "a password that everybody reads": Mistake(
        f"printf x >{PASSWORD}; chmod 755 /etc/cinepid; chmod 644 {PASSWORD};"
        + configured("host: localhost, username: box"),
        ("everybody on this machine can read the password", f"chmod o-r {PASSWORD}"),
        f"rm {PASSWORD}; chmod 750 /etc/cinepid",
    ),
    "an empty password": Mistake(
        f"umask 077; : >{PASSWORD}; {configured('host: localhost, username: box')}",
        ("it is empty",),
        f"rm {PASSWORD}",
    ),
    "a password without a name": Mistake(
        f"umask 077; printf x >{PASSWORD}",
        ("there is a password, but no username",),
        f"rm {PASSWORD}",
        is_fatal=False,
    ),
    "no such certificate": Mistake(
        configured("host: localhost, ca_file: /etc/cinepid/ca.crt"),
        ("/etc/cinepid/ca.crt cannot be used", "see that the files are there"),
    ),
    "a certificate of root's alone": Mistake(
        "install -m 600 /etc/ssl/certs/ca-certificates.crt /etc/cinepid/ca.crt;"
        + configured("host: localhost, ca_file: /etc/cinepid/ca.crt"),
        ("the daemon's user cannot read it", "chgrp cinepid /etc/cinepid/ca.crt"),
        "rm /etc/cinepid/ca.crt",
    ),
    "a certificate at home": Mistake(
        "mkdir -p /home/pi; install -m 644 /etc/ssl/certs/ca-certificates.crt /home/pi/ca.crt;"
        + configured("host: localhost, ca_file: /home/pi/ca.crt"),
        ("the daemon's unit hides /home from it", "install -m 640 -g cinepid /home/pi/ca.crt"),
        "rm -r /home/pi",
    ),
    # ---- the units
    "the daemon stopped": Mistake(
        f"systemctl stop {DAEMON}",
        ("cinepid.service: is not running", "systemctl start cinepid"),
        f"systemctl start {DAEMON}",
    ),
    "the daemon not at boot": Mistake(
        f"systemctl disable {DAEMON}",
        ("cinepid.service: does not start at boot", "systemctl enable cinepid"),
        f"systemctl enable {DAEMON}",
        is_fatal=False,
    ),
    "the daemon masked": Mistake(
        f"systemctl mask --now {DAEMON}",
        ("it is masked", "systemctl unmask --now cinepid"),
        f"systemctl unmask {DAEMON}; systemctl start {DAEMON}",
    ),
    "the daemon ended by a wrong file": Mistake(
        f"printf 'broker: {{hots: x}}\\n' >{CONFIG}; systemctl restart {DAEMON} || true; sleep 1;",
        ("has ended because its configuration is wrong", "mend what is said here"),
    ),
    "a unit edited, not loaded": Mistake(
        f"mkdir -p /etc/systemd/system/{DAEMON}.d; printf '[Service]\\nNice=1\\n' "
        f">/etc/systemd/system/{DAEMON}.d/x.conf",
        ("was edited, and systemd has not read it yet", "systemctl daemon-reload"),
        f"rm -r /etc/systemd/system/{DAEMON}.d; systemctl daemon-reload",
        is_fatal=False,
    ),
    "no camera service, no socket": Mistake(
        f"systemctl stop cinepi.socket {SERVICE}",
        ("cinepi.socket: is not running", "camera service is not running"),
        f"systemctl start cinepi.socket {SERVICE}",
    ),
    "a camera service that cannot start": Mistake(
        f"mkdir -p /run/systemd/system/{SERVICE}.d; printf '[Service]\\nExecStart=\\n"
        f"ExecStart=/bin/false\\n' >/run/systemd/system/{SERVICE}.d/x.conf;"
        f"systemctl daemon-reload; systemctl restart {SERVICE} || true; sleep 1.5",
        ("cinepi.service: ends again and again", "journalctl --unit cinepi.service"),
        f"rm -r /run/systemd/system/{SERVICE}.d; systemctl daemon-reload;"
        f"systemctl restart {SERVICE}",
    ),
    # ---- camera, captures, clock
    "no camera": Mistake(
        f"mv {CAMERAS} /srv/virtual.yaml; systemctl restart {SERVICE}",
        ("camera: ", "check cable and connector"),
        f"mv /srv/virtual.yaml {CAMERAS}; systemctl restart {SERVICE}",
    ),
    "no picamera2": Mistake(
        "mv /usr/lib/python3/dist-packages/picamera2 /srv/; systemctl restart cinepi.service",
        ("a simulated one, because picamera2 is not installed", "apt install python3-picamera2"),
        "mv /srv/picamera2 /usr/lib/python3/dist-packages/; systemctl restart cinepi.service",
        is_fatal=False,
    ),
    "captures of another owner": Mistake(
        "chown -R root:root /opt/cinepi/captures",
        ("/opt/cinepi/captures", "Permission denied", "ls -ld"),
        "chown -R cinepi:cinepi /opt/cinepi/captures",
    ),
    "captures gone": Mistake(
        "mv /opt/cinepi/captures /opt/cinepi/elsewhere",
        ("/opt/cinepi/captures", "ls -ld"),
        f"rm -rf /opt/cinepi/captures; mv /opt/cinepi/elsewhere /opt/cinepi/captures;"
        f"systemctl restart {SERVICE}",
    ),
    "a full disk": Mistake(
        "fallocate -l $(($(stat -f -c '%a*%S' /var) - (16 << 20))) /var/ballast",
        ("/opt/cinepi/captures: ", "df -h"),
        "rm /var/ballast",
    ),
    "cinepi.yaml edited badly": Mistake(
        "cp /opt/cinepi/config/cinepi.yaml /srv/; printf 'camera: [' "
        ">/opt/cinepi/config/cinepi.yaml",
        ("cinepi.yaml:1:10: ", "python3 -m cinepi.config recover"),
        "cat /srv/cinepi.yaml >/opt/cinepi/config/cinepi.yaml",
    ),
    "a wrong value in cinepi.yaml": Mistake(
        "cp /opt/cinepi/config/cinepi.yaml /srv/; sed -i 's/^  iso: .*/  iso: 12/' "
        "/opt/cinepi/config/cinepi.yaml; sleep 5",
        ("iso must be a whole number between 100 and 800", "python3 -m cinepi.config validate"),
        "cat /srv/cinepi.yaml >/opt/cinepi/config/cinepi.yaml",
        is_fatal=False,
    ),
    "no time server": Mistake(
        "rm -f /run/systemd/timesync/synchronized",
        ("no time server has set it", "systemd-timesyncd"),
        is_fatal=False,
    ),
}


def check(machine: Machine) -> str:
    """What `cinepid check` says, with its exit code as the last line."""
    return machine.shell("cinepid check 2>&1; echo exit $?", check=False)


def is_well(said: str) -> bool:
    """Whether the check has found nothing: no mistake, and nothing to note."""
    *lines, summary, code = said.splitlines()
    verdicts = {line.split()[0] for line in lines}
    return verdicts == {"ok"} and (summary, code) == ("all is well", "exit 0")


@pytest.fixture(scope="module")
def checked(installed: Image, machines: Path) -> Iterator[Machine]:
    """A machine on which all is well."""
    with installed.copy(machines / "checked") as machine:
        machine.boot()
        machine.shell("mkdir -p /run/systemd/timesync; touch /run/systemd/timesync/synchronized")
        with Dashboard(machine.forward(1883)) as dashboard:
            dashboard.is_online()
            dashboard.command("config/patch", patch={"camera": {"iso": 200}})
        machine.run("cp", "-p", CONFIG, "/srv/cinepid.yaml")
        yield machine


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES.keys())
def test_mistake_is_found_and_explained(checked: Machine, mistake: Mistake) -> None:
    """The check names the mistake and what to do; mended, it has nothing to say."""
    if "no time server" in mistake.told[0] and not _is_clock_ours(checked):
        pytest.skip("this host's kernel says that its clock is set, and a container has no other")
    checked.shell(mistake.make)
    try:
        said = check(checked)
        for words in mistake.told:
            assert words in said, said
        assert "Traceback" not in said
        assert ("exit 0" in said) != mistake.is_fatal, said
    finally:
        checked.shell(
            f"{mistake.mend}\ncp -p /srv/cinepid.yaml {CONFIG};"
            "mkdir -p /run/systemd/timesync; touch /run/systemd/timesync/synchronized;"
            f"systemctl reset-failed; systemctl start mosquitto; systemctl restart {DAEMON}"
        )
    wait_until(lambda: is_well(check(checked)), 30, "all is well again, without a note")


def test_all_is_well(checked: Machine) -> None:
    """Where nothing is wrong, each line says what was looked at, and that it is well."""
    said = check(checked)
    assert is_well(said), said
    for words in ("cinepi.socket", "cinepid.service", "broker localhost:1883", "camera: Virtual"):
        assert words in said, said
    assert property_of(checked, SERVICE, "NRestarts") == "0"


def test_without_sudo(checked: Machine) -> None:
    """Whoever may not read the settings is told to use sudo, without a traceback."""
    checked.shell("id stranger 2>/dev/null || useradd stranger")
    said = checked.shell("su stranger -c 'cinepid check' 2>&1", check=False)
    assert "run the check with sudo" in said, said
    assert "Traceback" not in said


def _is_clock_ours(machine: Machine) -> bool:
    said = machine.shell(
        "rm -f /run/systemd/timesync/synchronized; cinepid check; "
        "touch /run/systemd/timesync/synchronized",
        check=False,
    )
    return "no time server" in said
