"""From nothing to the first picture, and back to nothing."""

import time
from pathlib import Path

from tests.system.conftest import Figure, install
from tests.system.dashboard import Dashboard
from tests.system.machine import Machine

TRACES = """
for place in /etc /opt /run /usr /var; do
    find $place -xdev -iname '*cinepi*' ! -path '/var/cache/*' ! -path '*/cinepi.service.d*' \
        ! -path '/var/log/journal/*'
done
getent passwd cinepi cinepid || true
getent group cinepi cinepid || true
"""


def test_from_nothing_to_a_picture(bare: Machine, package: Path, figure: Figure) -> None:
    """One apt command, and a picture can be taken over MQTT: nothing else is to be done."""
    begun = time.monotonic()
    install(bare, package)
    with Dashboard(bare.forward(1883)) as dashboard:
        dashboard.is_online()
        picture = dashboard.command("snapshot/take")
        figure("apt install to first picture, without downloads", time.monotonic() - begun, "s", 60)
        camera = dashboard.state("camera")
    stored = bare.path(picture["path"])
    assert stored.read_bytes().startswith(b"\xff\xd8")
    assert stored.stat().st_size == picture["size"]
    assert camera["backend"] == "picamera2"
    assert camera["model"] == "Virtual camera of the test box"
    assert bare.run("systemctl", "--failed", "--quiet") == ""


def test_size(package: Path, pi: Machine, figure: Figure) -> None:
    """What the package itself puts on the card, bytecode included."""
    del package
    listed = pi.shell("dpkg -L cinepid | grep -v /usr/share/doc/ | xargs -d '\\n' ls -ld")
    files = [line.split() for line in listed.splitlines() if line.startswith("-")]
    compiled = pi.shell("find /usr/lib/python3/dist-packages/cinepi* -name '*.pyc' -printf '%s\\n'")
    figure("size of the package's files", sum(int(file[4]) for file in files) / 1e6, "MB", 2)
    everything = sum(int(file[4]) for file in files) + sum(map(int, compiled.split()))
    figure("  with their bytecode", everything / 1e6, "MB", 4)


def test_removal_keeps_and_purge_takes_the_configuration(pi: Machine, dashboard: Dashboard) -> None:
    """Removing stops everything and keeps settings; purging leaves pictures and nothing else."""
    picture = dashboard.command("snapshot/take")["path"]
    changed = "iso: 200"
    dashboard.command("config/patch", patch={"camera": {"iso": 200}})
    pi.run("apt-get", "remove", "--yes", "cinepid")
    assert changed in pi.run("cat", "/opt/cinepi/config/cinepi.yaml")
    assert pi.run("pgrep", "-fc", "cinepi", check=False) == "0"

    pi.run("apt-get", "purge", "--yes", "cinepid")
    pi.run("systemctl", "daemon-reload")
    left = set(pi.shell(TRACES).splitlines())
    assert left == {"/opt/cinepi", picture}, left
    assert pi.run("stat", "--format=%U:%G", picture) == "root:root"
    assert pi.run("systemctl", "--failed", "--quiet") == ""


def test_purge_without_pictures_leaves_no_trace(pi: Machine) -> None:
    """Where no picture was taken, nothing at all stays."""
    pi.run("apt-get", "purge", "--yes", "cinepid")
    assert pi.shell(TRACES) == ""


def test_installing_again_finds_settings_and_pictures(
    pi: Machine, dashboard: Dashboard, package: Path
) -> None:
    """After removal and another install the device is as it was."""
    name = dashboard.command("snapshot/take")["filename"]
    dashboard.command("config/patch", patch={"camera": {"iso": 200}})
    pi.run("apt-get", "remove", "--yes", "cinepid")
    install(pi, package)
    with Dashboard(pi.forward(1883)) as again:
        again.is_online()
        assert again.command("captures/list")["captures"][0]["filename"] == name
        assert again.command("config/get")["effective"]["camera"]["iso"] == 200


def test_package_was_built_as_the_code_says(pi: Machine, dashboard: Dashboard) -> None:
    """Package, code and status agree about the version."""
    version = pi.run("dpkg-query", "--show", "--showformat=${Version}", "cinepid")
    assert dashboard.state("status")["version"] == version
    assert pi.run("cinepid", "--version") == f"cinepid {version}"


def test_first_settings_are_the_owners(pi: Machine) -> None:
    """An upgrade, a reinstall or a boot never touches a changed cinepid.yaml."""
    pi.shell("echo 'device: {id: box, name: Mine}' >/opt/cinepi/config/cinepid.yaml")
    pi.run("apt-get", "install", "--reinstall", "--yes", *_packages(pi))
    pi.run("systemd-tmpfiles", "--create")
    assert "Mine" in pi.run("cat", "/opt/cinepi/config/cinepid.yaml")


def _packages(pi: Machine) -> list[str]:
    return pi.shell("ls /srv/cinepid_*.deb").split()
