import json
import subprocess
import sys
from pathlib import Path

import pytest

import cinepi
from tests.service.command_line import LIMIT_S, run
from tests.service.running import RunningService


def test_a_session_from_start_to_stop(service: RunningService) -> None:
    """The seed's three commands, with exit code 0, and what they say on stdout."""
    root = service.layout.root
    started = run(root, "timing", "start", "--interval", "30")
    assert (started.returncode, started.stderr) == (0, "")
    assert started.stdout == "Session started with 30s interval\n"
    status = json.loads(run(root, "timing", "status").stdout)
    assert (status["state"], status["interval"]) == ("active", 30)
    stopped = run(root, "timing", "stop")
    assert (stopped.returncode, stopped.stderr) == (0, "")
    assert stopped.stdout.startswith("Session stopped after ")
    assert json.loads(run(root, "timing", "status").stdout)["state"] == "idle"


def test_a_pause_and_its_end(service: RunningService) -> None:
    """Pause and resume say so, and status agrees."""
    root = service.layout.root
    run(root, "timing", "start", "--interval", "60", "--name", "spring", "--count", "5")
    assert run(root, "timing", "pause").stdout.startswith("Session paused after ")
    paused = json.loads(run(root, "timing", "status").stdout)
    assert (paused["state"], paused["name"], paused["ends"]["count"]) == ("paused", "spring", 5)
    assert run(root, "timing", "resume").stdout.startswith("Session goes on, next frame at ")


def test_a_session_that_waits_says_for_what(service: RunningService) -> None:
    """A start in the future is confirmed with its time."""
    started = run(
        service.layout.root,
        "timing",
        "start",
        "--interval",
        "30",
        "--start-at",
        "2099-01-01T00:00Z",
    )
    assert started.stdout.startswith("Session waits for 2099-01-01T00:00:00")


def test_stop_without_a_session_fails(service: RunningService) -> None:
    """Exit code 1 and one plain sentence on stderr."""
    done = run(service.layout.root, "timing", "stop")
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1


def test_a_second_start_fails(service: RunningService) -> None:
    """The running session is not disturbed."""
    run(service.layout.root, "timing", "start", "--interval", "30")
    done = run(service.layout.root, "timing", "start", "--interval", "10")
    assert (done.returncode, done.stdout) == (1, "")
    assert service.session().interval == 30


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("start --interval 0", "interval must be a number between 1 and 3600, not 0"),
        ("start --interval soon", 'interval must be a number between 1 and 3600, not "soon"'),
        ("start --count 1.5", "count must be a whole number"),
        ("start --intervall 5", "--intervall is unknown; did you mean --interval?"),
        ("start now", "now is one argument too many"),
        ("begin", "invalid choice: 'begin'"),
        ("", "COMMAND"),
    ],
)
def test_wrong_arguments_are_refused(words: str, complaint: str, tmp_path: Path) -> None:
    """Exit code 2 and one line that says what is wrong; nothing was started or written."""
    done = run(tmp_path, "timing", *words.split())
    assert done.returncode == 2
    assert complaint in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_time_that_is_none_is_refused(service: RunningService) -> None:
    """What only the service can judge is a usage error too."""
    done = run(service.layout.root, "timing", "start", "--until", "tomorrow")
    assert done.returncode == 2
    assert "until must be a time such as" in done.stderr


def test_root_may_stand_before_and_after_the_command(service: RunningService) -> None:
    """Both orders are natural, and both win over the environment."""
    root = str(service.layout.root)
    for words in (["--root", root, "status"], ["status", "--root", root]):
        assert json.loads(run(Path("/nowhere"), "timing", *words).stdout)["state"] == "idle"


def test_help_teaches_the_tool(tmp_path: Path) -> None:
    """Ranges, examples and exit codes stand in the help."""
    text = run(tmp_path, "timing", "start", "--help").stdout
    assert "--interval SECONDS" in text
    assert "[1 to 3600 s]" in text
    assert "python3 -m cinepi.timing start --interval 30" in text
    assert "2    wrong arguments" in text


@pytest.mark.parametrize("program", ["timing", "camera", "capture", "config", "logs"])
def test_another_python_is_told_which_one_to_take(program: str) -> None:
    """As in a clone, where `python3` is not the one that `make demo` has prepared."""
    done = subprocess.run(
        [sys.executable, "-S", "-m", f"cinepi.{program}", "status"],
        cwd=Path(cinepi.__file__).parents[1],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 1
    assert ".venv/bin/python3" in done.stderr
    assert done.stderr.count("\n") == 1
