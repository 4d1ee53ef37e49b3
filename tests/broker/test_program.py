"""The program `cinepid` on the command line."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from cinepi.clock import CLOCK_VARIABLE
from cinepi.paths import ROOT_VARIABLE
from cinepi.protocol import HealthResult
from tests.broker.running import Operator, RunningBroker, RunningDaemon
from tests.machine import free_port
from tests.service.running import RunningService, wait_for


def test_a_hang_up_ends_nothing(operator: Operator, daemons: list[RunningDaemon]) -> None:
    """A terminal that is closed, or somebody who means "read your files again"."""
    daemons[-1].process.send_signal(signal.SIGHUP)
    assert operator.ask("system/ping")["success"]
    daemons[-1].terminate()


def _run(root: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    clock = root / "clock.json"
    if not clock.exists():  # else a program reads it, which must not find half of it
        clock.write_text('{"synced": true}')
    return subprocess.run(
        [sys.executable, "-m", "cinepid", *arguments],
        env={**os.environ, ROOT_VARIABLE: str(root), CLOCK_VARIABLE: str(clock)},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def test_without_a_configuration_it_shows_the_smallest_one(tmp_path: Path) -> None:
    """And exits in the way that keeps systemd from trying again."""
    done = _run(tmp_path, "run")
    assert done.returncode == 78
    assert "there is no configuration" in done.stderr
    assert "broker:\n  host:" in done.stderr


def test_all_mistakes_of_a_configuration_are_shown(tmp_path: Path) -> None:
    """Each with its line, and what may have been meant."""
    config = tmp_path / "cinepid.yaml"
    config.write_text("broker:\n  hots: a\n  port: 0\ndevice:\n  id: My Cam\n")
    done = _run(tmp_path, "run", "--config", str(config))
    assert done.returncode == 78
    assert "did you mean host?" in done.stderr
    assert "cinepid.yaml:3:9: port must be a whole number between 1 and 65535" in done.stderr
    assert "id must be text such as garden" in done.stderr


def test_check_finds_nothing_where_all_is_well(
    tmp_path: Path, broker: RunningBroker, start_service: Callable[[], RunningService]
) -> None:
    """It says what it has looked at."""
    start_service()
    config = tmp_path / "cinepid.yaml"
    config.write_text(json.dumps({"broker": {"host": "127.0.0.1", "port": broker.port}}))
    done = _run(tmp_path, "check", "--config", str(config))
    assert done.returncode == 0, done.stdout
    assert "all is well" in done.stdout
    assert f"broker 127.0.0.1:{broker.port}: lets us in, MQTT 5.0" in done.stdout
    assert "camera: simulated" in done.stdout


def test_check_finds_everything_that_is_wrong(tmp_path: Path) -> None:
    """Broker, password and camera service in one go, each with what to do."""
    password = tmp_path / "password"
    password.write_text("secret")
    password.chmod(0o644)
    settings = {
        "servers": [f"127.0.0.1:{free_port()}", "nowhere.invalid"],
        "username": "garden",
        "password_file": str(password),
    }
    config = tmp_path / "cinepid.yaml"
    config.write_text(json.dumps({"broker": settings}))
    done = _run(tmp_path, "check", "--config", str(config))
    assert done.returncode == 78
    assert "everybody on this machine can read the password" in done.stdout
    assert "Connection refused" in done.stdout
    assert "nowhere.invalid:1883 cannot be reached" in done.stdout
    assert "camera service is not running" in done.stdout
    assert done.stdout.count("->") >= 4
    assert "secret" not in done.stdout


def test_check_leaves_no_traces(tmp_path: Path) -> None:
    """It only looks."""
    config = tmp_path / "cinepid.yaml"
    config.write_text(json.dumps({"broker": {"host": "127.0.0.1", "port": free_port()}}))
    _run(tmp_path, "check", "--config", str(config))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cinepid.yaml", "clock.json"]


def test_help_names_the_exit_codes(tmp_path: Path) -> None:
    """And shows the smallest configuration."""
    done = _run(tmp_path, "--help")
    assert done.returncode == 0
    assert "78" in done.stdout
    assert "host:" in done.stdout


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("camera: [", ("FAIL  camera configuration: ", "python3 -m cinepi.config recover")),
        (
            "camera:\n  iso: 12\n",
            (
                "note  camera configuration: ",
                "cinepi.yaml:2:8: iso must be a whole number between 100 and 800",
                "python3 -m cinepi.config validate",
            ),
        ),
    ],
)
def test_check_finds_a_configuration_that_was_edited_badly(
    tmp_path: Path,
    broker: RunningBroker,
    start_service: Callable[[], RunningService],
    text: str,
    told: tuple[str, ...],
) -> None:
    """The camera goes on with what it had; the check says what is wrong, and what helps."""
    service = start_service()
    service.layout.config.write_text(text)
    with service.client() as client:
        wait_for(lambda: client.call("health.get", HealthResult).configuration.state != "ok")
    config = tmp_path / "cinepid.yaml"
    config.write_text(json.dumps({"broker": {"host": "127.0.0.1", "port": broker.port}}))
    done = _run(tmp_path, "check", "--config", str(config))
    assert done.returncode == (78 if told[0].startswith("FAIL") else 0)
    assert [each for each in told if each not in done.stdout] == []


@pytest.mark.skipif(bool(find_spec("picamera2")), reason="here the real camera is chosen")
def test_check_says_that_pictures_are_made_up(
    tmp_path: Path, broker: RunningBroker, start_service: Callable[[], RunningService]
) -> None:
    """Without picamera2 a device simulates its camera: that must not pass for a real one."""
    (tmp_path / "opt/cinepi/config").mkdir(parents=True)
    (tmp_path / "opt/cinepi/config/cinepi.yaml").write_text("camera:\n  resolution: 640x480\n")
    start_service()
    config = tmp_path / "cinepid.yaml"
    config.write_text(json.dumps({"broker": {"host": "127.0.0.1", "port": broker.port}}))
    done = _run(tmp_path, "check", "--config", str(config))
    assert done.returncode == 0, done.stdout
    assert "a simulated one, because picamera2 is not installed" in done.stdout


def test_a_second_daemon_below_one_root_is_refused(
    broker: RunningBroker,
    start_daemon: Callable[..., RunningDaemon],
    tmp_path: Path,
    start_operator: Callable[..., Operator],
) -> None:
    """In one sentence, with a code after which systemd tries again; the first goes on."""
    operator = start_operator()
    first = start_daemon(broker={"port": broker.port})
    operator.await_online()
    done = _run(tmp_path, "run")
    assert done.returncode == 1
    assert done.stderr == f"cinepid: a daemon below {tmp_path} is running already\n"
    assert operator.ask("system/ping")["success"]
    first.terminate()
