"""From nothing to the first picture, and back to nothing."""

import json
import subprocess
import time
from pathlib import Path

import pytest

from tests.system.conftest import REPOSITORY, Figure, install
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


@pytest.mark.alone
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


def test_first_hour_by_the_book(pi: Machine, dashboard: Dashboard) -> None:
    """The commands of docs/install.md for picture and timelapse do what the page says."""
    page = (REPOSITORY / "docs/install.md").read_text().replace("garden", "box")
    picture, timelapse = (
        page.split(f"\n## {chapter}")[1].split("```sh\n")[1].split("```")[0]
        for chapter in ("3. The first picture", "5. The first timelapse")
    )
    seen = pi.shell(picture)
    event, listed = seen.split("\n", 1)
    assert json.loads(event)["filename"] in listed
    assert json.loads(event)["filename"].startswith("cinepi_")
    pi.shell(timelapse)
    session = dashboard.state("session", suits=lambda found: bool(found["state"] == "active"))
    assert session["name"] == "spring"
    dashboard.command("session/stop")
    by_hand = page.split("without MQTT, on the Pi: `")[1].split("`")[0]
    pi.shell("useradd --groups cinepi friend")
    pi.run("su", "friend", "-c", by_hand)
    dashboard.state("session", suits=lambda found: bool(found["state"] == "active"))


def test_size(pi: Machine, figure: Figure) -> None:
    """What the package itself puts on the card; and with the bytecode that apt makes of it."""
    files = pi.shell("dpkg -L cinepid | xargs -d '\\n' stat --format='%F,%s'").splitlines()
    sizes = [int(line.split(",")[1]) for line in files if line.startswith("regular")]
    compiled = pi.shell("find /usr/lib/python3/dist-packages/cinepi* -name '*.pyc' -printf '%s\\n'")
    figure("installed size, as dpkg lists it", _dpkg_size(pi), "MB", 2)
    figure("installed size: sum of the files", sum(sizes) / 1e6, "MB", 2)
    everything = sum(sizes) + sum(map(int, compiled.split()))
    figure("installed size: with the bytecode made from them", everything / 1e6, "MB", 4)


def _dpkg_size(pi: Machine) -> float:
    size = pi.run("dpkg-query", "--show", "--showformat=${Installed-Size}", "cinepid")
    return int(size) * 1024 / 1e6


def test_lintian_has_no_error(package: Path, figure: Figure) -> None:
    """Debian's own checker finds no error in the package; what it would like is counted."""
    done = subprocess.run(
        ["lintian", "--allow-root", "--fail-on=none", "--tag-display-limit=0", package],
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    figure("lintian: errors", said.count("E: "), "", 0)
    figure("lintian: warnings", said.count("W: "), "")
    print(said)  # noqa: T201 - pytest shows it where it fails, and with -rP


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
