import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cinepi.camera.ladder import STUCK_AFTER
from cinepi.client import Client
from cinepi.clock import new_run_id, system_clock
from cinepi.journal.journal import Journal
from cinepi.paths import Layout
from cinepi.protocol import PingResult
from tests.service.command_line import run
from tests.service.running import RunningService

Start = Callable[..., RunningService]


@pytest.fixture
def started_service(tmp_path: Path) -> Iterator[None]:
    """Ends the service that a command line has started below `tmp_path`."""
    yield
    with Client.connect(Layout(tmp_path), start=False) as client:
        service = os.pidfd_open(client.call("ping", PingResult).pid)
    signal.pidfd_send_signal(service, signal.SIGTERM)
    assert select.select([service], [], [], 15.0)[0], "the service did not end"
    os.close(service)


def test_status_is_json(service: RunningService) -> None:
    """A connected camera: its document on stdout, exit code 0, nothing on stderr."""
    service.snapshot()
    done = run(service.layout.root, "camera", "status")
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    assert document["connected"] is True
    assert document["settings"]["resolution"] == "640x480"


def test_status_of_a_lost_camera_fails(service: RunningService) -> None:
    """An unplugged camera: exit code 1, the reason on stderr, the document all the same."""
    run(service.layout.root, "camera", "simulate", "unplug")
    assert run(service.layout.root, "camera", "snapshot").returncode == 1
    done = run(service.layout.root, "camera", "status")
    assert done.returncode == 1
    assert done.stderr.strip()
    assert json.loads(done.stdout)["connected"] is False


def test_settings_are_changed_and_shown(service: RunningService) -> None:
    """The seed's four options, with the seed's names, and what holds then as JSON."""
    words = "settings --exposure manual --iso 800 --gain 4.0 --resolution 1280x720"
    done = run(service.layout.root, "camera", *words.split())
    assert done.returncode == 0, done.stderr
    shown = json.loads(run(service.layout.root, "camera", "settings").stdout)
    assert json.loads(done.stdout) == shown
    assert (shown["exposure_mode"], shown["iso"], shown["gain"]) == ("manual", 800, 4.0)
    assert shown["resolution"] == "1280x720"


def test_every_setting_has_an_option(tmp_path: Path) -> None:
    """The help lists the settings that the seed did not know, with range and default."""
    text = run(tmp_path, "camera", "settings", "--help").stdout
    assert "--shutter-us MICROSECONDS" in text
    assert "100 to 800; default 100" in text
    assert "--white-balance auto|incandescent" in text
    assert "examples:" in text
    assert "exit codes:" in text


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("--iso 9000", "iso must be a whole number between 100 and 800, not 9000"),
        ("--gain nan", "gain must be a number between 1 and 8, not NaN"),
        ("--metering slow", 'metering must be one of centre, matrix, spot, not "slow"'),
        ("--isso 100", "--isso is unknown; did you mean --iso?"),
        ("--iso", "argument --iso: expected one argument"),
    ],
)
def test_wrong_settings_are_refused_before_anything_is_started(
    words: str, complaint: str, tmp_path: Path
) -> None:
    """Exit code 2 and one line that names field, given and allowed; no service was needed."""
    done = run(tmp_path, "camera", "settings", *words.split())
    assert done.returncode == 2
    assert done.stdout == ""
    assert complaint in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_all_wrong_settings_are_named_at_once(tmp_path: Path) -> None:
    """Two mistakes, one run."""
    done = run(tmp_path, "camera", "settings", "--iso", "5", "--gain", "99")
    assert "iso must be" in done.stderr
    assert "gain must be" in done.stderr


def test_a_resolution_that_this_camera_has_not(service: RunningService) -> None:
    """The service knows what the camera can: exit code 2, with the sizes there are."""
    done = run(service.layout.root, "camera", "settings", "--resolution", "17x13")
    assert done.returncode == 2
    assert "640x480" in done.stderr


def test_snapshot_prints_the_file_name(service: RunningService) -> None:
    """Nothing but the name, so that scripts can use it, and the file is there."""
    done = run(service.layout.root, "camera", "snapshot")
    assert done.returncode == 0, done.stderr
    assert done.stdout == service.pictures()[-1] + "\n"


def test_a_fault_is_simulated_and_cleared(service: RunningService) -> None:
    """What a user tries first to see the recovery at work."""
    assert run(service.layout.root, "camera", "simulate", "unplug").returncode == 0
    failed = run(service.layout.root, "camera", "snapshot")
    assert (failed.returncode, failed.stdout) == (1, "")
    assert failed.stderr.strip()
    assert run(service.layout.root, "camera", "simulate", "clear").returncode == 0
    assert run(service.layout.root, "camera", "restart").returncode == 0
    assert run(service.layout.root, "camera", "snapshot").returncode == 0


def test_a_stuck_camera_that_is_restarted_is_not_said_to_be_well(start_service: Start) -> None:
    """What is printed and what the document says is the same: a picture has to show it."""
    first = start_service()
    first.terminate()
    journal = Journal(first.layout.journal, clock=system_clock(), boot=new_run_id())
    with journal.transaction() as tx:
        tx.set_value("camera_exits_in_a_row", str(STUCK_AFTER))
    journal.close()
    service = start_service()
    assert service.camera().health == "stuck"
    done = run(service.layout.root, "camera", "restart")
    assert (done.returncode, done.stdout) == (0, f"Camera restarted: {service.camera().model}\n")
    assert "next picture" in done.stderr
    assert (service.camera().connected, service.camera().health) == (True, "recovering")


@pytest.mark.parametrize(
    ("count", "said"),
    [((), "until: simulate clear"), (("--count", "1"), "once"), (("--count", "3"), "3 times")],
)
def test_it_is_said_how_long_a_fault_lasts(
    tmp_path: Path, count: tuple[str, ...], said: str
) -> None:
    """So that nobody wonders later what is wrong with the camera."""
    done = run(tmp_path, "camera", "simulate", "hang", *count)
    assert done.stdout == f"The simulated camera shows the fault hang, {said}\n"


def test_an_unknown_fault_is_refused(tmp_path: Path) -> None:
    """Exit code 2, and the faults there are."""
    done = run(tmp_path, "camera", "simulate", "gremlin")
    assert done.returncode == 2
    assert "hang" in done.stderr
    assert "clear" in done.stderr


@pytest.mark.parametrize("word", ["hang", "clear"])
def test_a_fault_that_cannot_be_written_says_where(tmp_path: Path, word: str) -> None:
    """It is a file that the disk does not take, and not what is printed."""
    place = Layout(tmp_path).faults.parent
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("in the way")
    done = run(tmp_path, "camera", "simulate", word)
    assert (done.returncode, done.stdout) == (1, "")
    assert str(Layout(tmp_path).faults) in done.stderr
    assert "output" not in done.stderr


@pytest.mark.usefixtures("started_service")
def test_without_a_service_the_command_starts_one(tmp_path: Path) -> None:
    """On a laptop nothing has to be set up: the first command works, and so does the second."""
    first = run(tmp_path, "camera", "snapshot")
    assert first.returncode == 0, first.stderr
    second = run(tmp_path, "camera", "status")
    assert second.returncode == 0, second.stderr


@pytest.mark.usefixtures("started_service")
def test_status_works_as_the_very_first_command(tmp_path: Path) -> None:
    """The camera counts as connected although the service that opened it has just started."""
    done = run(tmp_path, "camera", "status")
    assert done.returncode == 0, done.stderr


def test_a_folder_that_cannot_be_used_is_a_clear_error(tmp_path: Path) -> None:
    """The service's own words arrive at the user, without a traceback."""
    (tmp_path / "opt").write_text("in the way")
    done = run(tmp_path, "camera", "status")
    assert done.returncode == 1
    assert str(tmp_path) in done.stderr
    assert "Traceback" not in done.stderr


def test_a_reader_that_has_seen_enough_is_no_error(service: RunningService) -> None:
    """`… status | head -1` ends without complaint, however early head leaves."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "cinepi.camera", "status", "--root", str(service.layout.root)],
        stdout=writer,
        stderr=subprocess.PIPE,
        timeout=30,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")
