"""A long session, and what happens to an installation meanwhile: power cuts, upgrades, kills."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.system.conftest import Figure, install
from tests.system.dashboard import Dashboard
from tests.system.installation import (
    DAEMON,
    SERVICE,
    all_captures,
    assert_complete,
    journal_of,
    property_of,
)
from tests.system.machine import Machine, wait_until

INTERVAL_S = 2


@pytest.fixture
def session(dashboard: Dashboard) -> str:
    """The id of a running session that has a few frames."""
    identity: str = dashboard.command("session/start", interval=INTERVAL_S)["id"]
    dashboard.has_frames(3)
    return identity


@pytest.mark.alone
def test_power_cut(pi: Machine, dashboard: Dashboard, session: str, figure: Figure) -> None:
    """After a power cut the session goes on by itself; what was told before is still there."""
    dashboard.has_frames(5)
    told = {event["filename"] for event in dashboard.events("capture_stored")}
    frames = dashboard.state("session")["frames"]
    dashboard.close()
    pi.cut_power()
    pi.boot()
    with Dashboard(pi.forward(1883)) as after:
        after.is_online()
        resumed = after.has_frames(frames + 3)
        assert resumed["id"] == session
        assert resumed["state"] == "active"
        known = {capture["filename"] for capture in all_captures(after)}
        assert told <= known, "a picture that was reported is gone"
        assert_complete(pi, after)
        figure("frames missed by a power cut and a boot", resumed["missed"], "frames", 15)
    assert not list(pi.path("/opt/cinepi/captures").glob("*.tmp"))


@pytest.mark.alone
def test_daemon_restarted(pi: Machine, dashboard: Dashboard, session: str) -> None:
    """Upgrading or killing the daemon costs no frame and no event."""
    for act in (["restart"], ["kill", "--signal=SIGKILL"]):
        frames = dashboard.state("session")["frames"]
        boot = dashboard.state("status")["boot"]
        pi.run("systemctl", *act, DAEMON)
        dashboard.state("status", suits=partial(_is_another, boot))
        dashboard.has_frames(frames + 3)
    stopped = dashboard.command("session/stop")
    assert stopped["id"] == session
    assert stopped["missed"] == 0
    assert stopped["frames"] == assert_complete(pi, dashboard)
    told = wait_until(
        lambda: (
            names
            if len(names := {event["filename"] for event in dashboard.events("capture_stored")})
            >= stopped["frames"]
            else None
        ),
        20,
        "an event for each frame",
    )
    assert told == {capture["filename"] for capture in all_captures(dashboard)}


@pytest.mark.alone
def test_camera_service_killed(pi: Machine, dashboard: Dashboard, session: str) -> None:
    """A camera service that dies is back at once, and misses at most two frames."""
    frames = dashboard.state("session")["frames"]
    pi.run("systemctl", "kill", "--signal=SIGKILL", SERVICE)
    after = dashboard.has_frames(frames + 3)
    assert after["id"] == session
    assert after["missed"] <= 2
    assert_complete(pi, dashboard)


@pytest.mark.alone
def test_upgrade(
    pi: Machine, dashboard: Dashboard, session: str, newer_package: Path, figure: Figure
) -> None:
    """An upgrade in the middle of a session costs at most the frame in flight."""
    frames = dashboard.state("session")["frames"]
    install(pi, newer_package)
    dashboard.state("status", suits=lambda found: bool(found["version"] == "99.0"))
    after = dashboard.has_frames(frames + 4)
    assert after["id"] == session
    figure("frames missed by an upgrade of both services", after["missed"], "frames", 1)
    assert_complete(pi, dashboard)
    assert "POLLHUP" not in journal_of(pi, "cinepi.socket")


def test_downgrade(
    pi: Machine, dashboard: Dashboard, session: str, newer_package: Path, package: Path
) -> None:
    """Going back to the version before is safe where the journal has not changed."""
    install(pi, newer_package)
    install(pi, package, "--allow-downgrades")
    frames = dashboard.state("session")["frames"]
    assert dashboard.has_frames(frames + 2)["id"] == session


def test_downgrade_below_the_journal_is_refused(pi: Machine) -> None:
    """A journal of a later version is left as it is, and the log says what to do."""
    pi.run("systemctl", "stop", DAEMON, SERVICE)
    database = "/var/lib/cinepi/journal.db"
    pi.run(
        "python3",
        "-c",
        f"import sqlite3; sqlite3.connect({database!r}).execute('PRAGMA user_version=999')",
    )
    before = pi.run("sha256sum", database)
    pi.run("systemctl", "start", SERVICE, check=False)
    said = journal_of(pi, SERVICE)
    assert "999" in said or "newer" in said, said
    assert pi.run("sha256sum", database) == before
    assert property_of(pi, "cinepi.socket", "ActiveState") == "active"


def _is_another(boot: str, status: dict[str, Any]) -> bool:
    return bool(status["boot"] != boot)
