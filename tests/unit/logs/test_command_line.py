import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cinepi.errors import InvalidArgumentError
from cinepi.logs.entry import LogEntry, line_of
from cinepi.paths import Layout


def run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a pipe."""
    return subprocess.run(
        [sys.executable, "-m", "cinepi.logs", *arguments, "--root", str(root)],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with a log of the service and one of the daemon."""
    layout = Layout.find(tmp_path)
    for number, (path, level) in enumerate([(layout.log, "info"), (layout.daemon_log, "error")]):
        path.parent.mkdir(parents=True)
        said = LogEntry(
            timestamp=f"2026-11-23T09:30:0{number}.000Z",
            level=level,
            module=path.parent.name,
            message="hello",
        )
        path.write_bytes(line_of(said))
    return tmp_path


def test_a_pipe_gets_both_logs_as_json_lines(root: Path) -> None:
    """Each line is an entry, newest first, of the service and the daemon."""
    done = run(root, "recent")
    assert [json.loads(line)["module"] for line in done.stdout.splitlines()] == [
        "cinepid",
        "cinepi",
    ]
    assert (done.returncode, done.stderr) == (0, "")


def test_filters_narrow(root: Path) -> None:
    """Level, module, time and number can be asked for."""
    for option, value in [("--level", "error"), ("--module", "cinepid"), ("--limit", "1")]:
        done = run(root, "recent", option, value)
        assert [json.loads(line)["module"] for line in done.stdout.splitlines()] == ["cinepid"]
    done = run(root, "recent", "--since", "2027-01-01T00:00Z")
    assert (done.returncode, done.stdout) == (0, "")
    assert "nothing fits" in done.stderr


def test_logs_that_cannot_be_read_are_not_said_to_hold_nothing(tmp_path: Path) -> None:
    """Only why they cannot be read, and exit code 1."""
    log = Layout(tmp_path).log
    log.parent.mkdir(parents=True)
    log.symlink_to(log.name)
    done = run(tmp_path, "recent")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"{log} cannot be read: ")
    assert done.stderr.count("\n") == 1


def test_wrong_arguments_are_said_in_words(root: Path) -> None:
    """A wrong value ends with code 2 and a sentence that names it."""
    done = run(root, "recent", "--limit", "0", "--level", "loud")
    assert (done.returncode, done.stdout) == (2, "")
    assert "limit must be" in done.stderr
    assert "level must be one of" in done.stderr


def test_an_output_that_is_full_is_one_sentence(root: Path) -> None:
    """No traceback, and a script can see that it failed."""
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "cinepi.logs", "recent", "--root", str(root)],
            check=False,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
    said = "the output cannot be written: No space left on device\n"
    assert (ended.returncode, ended.stderr) == (1, said)


def test_an_empty_root_is_not_the_whole_system() -> None:
    """A variable that is not set must not lead a command to the installed device."""
    with pytest.raises(InvalidArgumentError, match="not an empty text"):
        Layout.find("")
