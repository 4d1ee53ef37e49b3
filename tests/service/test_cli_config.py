"""The command line of the configuration, in a pipe and on a terminal."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cinepi.paths import ROOT_VARIABLE
from tests.service.command_line import run
from tests.service.running import RunningService


def config(service: RunningService, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `python3 -m cinepi.config WORD …`, as in a pipe."""
    return run(service.layout.root, "config", *words)


def answer(service: RunningService, *words: str) -> dict[str, object]:
    """What it prints, where it must succeed."""
    done = config(service, *words)
    assert (done.returncode, done.stderr) == (0, "")
    parsed: dict[str, object] = json.loads(done.stdout)
    return parsed


def on_a_terminal(service: RunningService, *words: str) -> list[str]:
    """The lines that a person sees."""
    ours, theirs = os.openpty()
    subprocess.run(
        [sys.executable, "-m", "cinepi.config", *words],
        env={**os.environ, ROOT_VARIABLE: str(service.layout.root)},
        stdout=theirs,
        timeout=30,
        check=True,
    )
    os.close(theirs)
    seen = os.read(ours, 65536).decode()
    os.close(ours)
    return seen.splitlines()


def test_get_prints_all_a_section_or_a_value(service: RunningService) -> None:
    """A path narrows what is printed, however its parts are joined."""
    assert set(answer(service, "get")) == {"camera", "capture", "system"}
    assert answer(service, "get", "system")["log_level"] == "info"
    assert config(service, "get", "camera.backend").stdout == '"simulated"\n'
    assert config(service, "get", "/capture/interval").stdout == "30.0\n"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("capture.intervl", "capture.intervl is unknown; did you mean capture.interval?"),
        ("zoom", "zoom is unknown; known: camera, capture, system"),
        ("camera.iso.x", "camera.iso.x is unknown; camera.iso is a single value"),
    ],
)
def test_a_path_that_is_not_there_is_explained(
    service: RunningService, path: str, reason: str
) -> None:
    """A wrong path is answered with the right one, on stderr, with exit code 2."""
    done = config(service, "get", path)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", reason + "\n")


def test_set_changes_the_file_and_keeps_its_comments(service: RunningService) -> None:
    """Several values change in one revision, with a copy of what was before."""
    text = "# mine\ncamera:\n  backend: simulated # fake\n  resolution: 640x480\n"
    service.layout.config.write_text(text)
    change = answer(service, "set", "capture.interval=10", "camera.noise_reduction=off")
    assert change["changed"] == ["/camera/noise_reduction", "/capture/interval"]
    assert change["kept_comments"] is True
    assert service.layout.config.read_text() == (
        text + '  noise_reduction: "off"\n\ncapture:\n  interval: 10\n'
    )
    assert (service.layout.backups / str(change["backup_file"])).read_text() == text
    assert answer(service, "set", "capture.interval=null")["changed"] == ["/capture/interval"]


def test_a_dry_run_changes_nothing(service: RunningService) -> None:
    """`--dry-run` says what would change, and leaves file and revision alone."""
    before = service.layout.config.read_bytes()
    change = answer(service, "patch", '{"camera":{"iso":400}}', "--dry-run")
    assert (change["changed"], change["dry_run"]) == (["/camera/iso"], True)
    assert service.layout.config.read_bytes() == before


def test_every_mistake_is_told_at_once(service: RunningService) -> None:
    """Wrong values are refused together, with exit code 2."""
    done = config(service, "set", "camera.iso=5", "capture.interval=1:30", "camera.gian=2")
    assert (done.returncode, done.stdout) == (2, "")
    assert "iso must be a whole number between 100 and 800, not 5" in done.stderr
    assert 'interval must be a number between 1 and 3600, not "1:30"' in done.stderr
    assert '"gian" is unknown; did you mean gain?' in done.stderr


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["set", "capture.interval"], "write PATH=VALUE, such as capture.interval=10"),
        (["set", "=3"], "write PATH=VALUE, such as capture.interval=10"),
        (["set", "camera=1", "camera.iso=100"], "camera.iso=100 contradicts another value"),
        (["patch", "{"], "the message is not valid JSON"),
        (["patch", "[]"], "the patch must be a JSON object"),
    ],
)
def test_what_cannot_be_understood_is_not_sent(
    tmp_path: Path, words: list[str], reason: str
) -> None:
    """A line that makes no sense fails without a service, with exit code 2."""
    done = run(tmp_path, "config", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert reason in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_old_revision_is_a_conflict(service: RunningService) -> None:
    """`--base-revision` guards against a change that came in between: exit code 1."""
    done = config(service, "set", "camera.iso=200", "--base-revision", "99")
    assert done.returncode == 1
    assert "base_revision is 99, but the configuration has revision" in done.stderr


def test_validate_lists_what_is_wrong_in_a_file(service: RunningService, tmp_path: Path) -> None:
    """A file with mistakes fails with one line for each, that begins with its place."""
    file = tmp_path / "mine.yaml"
    file.write_text("camera:\n  iso: 12\n  metering: no\n")
    done = config(service, "validate", str(file))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        f"{file}:2:8: iso must be a whole number between 100 and 800, not 12",
        f'{file}:3:13: metering must be one of centre, matrix, spot, not "no"',
    ]
    file.write_text("camera:\n  iso: 200\n")
    assert "/camera/iso" in str(answer(service, "validate", str(file))["changed"])
    missing = config(service, "validate", str(tmp_path / "none.yaml"))
    assert (missing.returncode, missing.stderr) == (1, f"there is no file {tmp_path}/none.yaml\n")


def test_validate_leaves_a_folder_where_it_is(service: RunningService, tmp_path: Path) -> None:
    """It is in nobody's way, only no file."""
    done = config(service, "validate", str(tmp_path))
    assert done.returncode == 1
    assert done.stderr == f"{tmp_path} is a folder, not a file\n"


def test_validate_checks_the_file_of_the_service(service: RunningService) -> None:
    """Without a name, it is the service's own file, as it is on disk now."""
    assert answer(service, "validate")["changed"] == []
    service.layout.config.write_text("camera: {iso: 1:30}\n")
    done = config(service, "validate")
    assert done.returncode == 1
    assert done.stderr.startswith("cinepi.yaml:1:15: iso must be a whole number")


def test_a_copy_can_be_restored(service: RunningService) -> None:
    """backup, backups and restore work together, and only what is broken can be recovered."""
    first = answer(service, "backup")["backup_file"]
    answer(service, "set", "camera.iso=200")
    assert str(first) in json.dumps(answer(service, "backups"))
    assert answer(service, "restore", str(first))["changed"] == ["/camera/iso"]
    assert config(service, "get", "camera.iso").stdout == "100\n"
    sound = config(service, "recover")
    assert sound.returncode == 1
    assert "cinepi.yaml is sound and in force: there is nothing to recover" in sound.stderr
    service.layout.config.write_text("camera: [")
    assert answer(service, "recover")["changed"] == []
    assert config(service, "get", "camera.iso").stdout == "100\n"
    wrong = config(service, "restore", "../cinepi.yaml")
    assert wrong.returncode == 2
    assert "file must be the name of a backup such as cinepi_backup_" in wrong.stderr


def test_the_schema_is_printed(service: RunningService) -> None:
    """The JSON Schema comes as JSON."""
    assert answer(service, "schema")["title"] == "CinePi configuration"


def test_people_read_words(service: RunningService) -> None:
    """On a terminal the same verbs speak in lines, and `--json` brings the JSON back."""
    assert on_a_terminal(service, "get", "capture")[:2] == [
        "capture.interval       30",
        "capture.output_format  jpg",
    ]
    changed, revision, copy = on_a_terminal(service, "set", "camera.iso=200")
    assert changed == "Changed camera.iso"
    assert revision.startswith("Revision ")
    assert copy.startswith("What was before: cinepi_backup_")
    told = on_a_terminal(service, "set", "camera.backend=auto", "--dry-run")
    assert told == [
        "Would change camera.backend",
        "After the next start of the service: camera.backend",
    ]
    assert on_a_terminal(service, "set", "camera.iso=200")[0].startswith("Nothing changes")
    heading, *rows = on_a_terminal(service, "backups")
    assert heading.split() == ["FILE", "MADE", "AT", "BYTES", "VALID"]
    assert [row.split()[-1] for row in rows] == ["yes"]
    assert on_a_terminal(service, "validate") == ["The configuration file is valid"]
    assert on_a_terminal(service, "get", "capture.interval", "--json") == ["30.0"]
