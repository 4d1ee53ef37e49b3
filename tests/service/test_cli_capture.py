import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from cinepi.paths import ROOT_VARIABLE
from cinepi.protocol import MAX_NAMES
from tests.service.command_line import LIMIT_S, run
from tests.service.running import RunningService


def test_manual_prints_the_file_name(service: RunningService) -> None:
    """The seed's command: exit code 0, the name on stdout, the file in the folder."""
    done = run(service.layout.root, "capture", "manual")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == service.pictures()[-1] + "\n"


def test_list_is_json_in_a_pipe_and_a_table_on_a_terminal(service: RunningService) -> None:
    """Programs and people each get what they can read."""
    root = service.layout.root
    names = [service.snapshot().filename for _ in range(2)]
    page = json.loads(run(root, "capture", "list").stdout)
    assert [picture["filename"] for picture in page["captures"]] == names[::-1]
    shown = _on_a_terminal(root, "list", "--limit", "1")
    assert shown[0].split() == ["FILE", "TAKEN", "SIZE", "OF"]
    assert names[1] in shown[1]
    assert "snapshot" in shown[1]
    assert shown[2] == f"There are more: --before {names[1]}"
    as_json = _on_a_terminal(root, "list", "--json", "--before", names[1])
    assert json.loads("\n".join(as_json))["captures"][0]["filename"] == names[0]


def test_list_narrows(service: RunningService) -> None:
    """A filter leaves out what does not fit; a wrong one is a usage error."""
    root = service.layout.root
    service.snapshot()
    assert json.loads(run(root, "capture", "list", "--kind", "frame").stdout)["captures"] == []
    done = run(root, "capture", "list", "--kind", "movie")
    assert done.returncode == 2
    assert "kind must be one of frame, snapshot" in done.stderr


def test_get_tells_all_about_one(service: RunningService) -> None:
    """JSON in a pipe, lines on a terminal; an unknown name fails."""
    root = service.layout.root
    picture = service.snapshot()
    shown = json.loads(run(root, "capture", "get", picture.filename).stdout)
    assert shown["sha256"] == picture.sha256
    lines = _on_a_terminal(root, "get", picture.filename)
    assert any(picture.sha256 in line for line in lines)
    assert not any(bracket in line for line in lines for bracket in "[{")  # no JSON for people
    assert run(root, "capture", "get", "cinepi_20200101_000000.jpg").returncode != 0


def test_delete_has_a_dry_run(service: RunningService) -> None:
    """The dry run says what would go, and leaves it; the real one takes it."""
    root = service.layout.root
    name = service.snapshot().filename
    kept = service.snapshot().filename
    assert _on_a_terminal(root, "delete", name, "--dry-run")[-1].startswith(
        "Would delete 1 picture"
    )
    assert name in service.pictures()
    went = json.loads(run(root, "capture", "delete", name).stdout)
    assert went["filenames"] == [name]
    assert service.pictures() == [kept]


def test_delete_says_how_many_more_than_it_names(
    start_service: Callable[..., RunningService],
) -> None:
    """Of very many pictures only the first are named, and all are counted."""
    service = start_service()
    service.copy_picture(MAX_NAMES + 6)
    service.terminate()
    service = start_service()
    shown = _on_a_terminal(service.layout.root, "delete", "--kind", "snapshot", "--dry-run")
    assert len(shown) == MAX_NAMES + 2
    assert shown[-2] == "and 7 more"
    assert shown[-1].startswith(f"Would delete {MAX_NAMES + 7} pictures, ")


def test_delete_never_takes_all_by_accident(service: RunningService) -> None:
    """Without a name or a filter nothing is asked of the service."""
    service.snapshot()
    done = run(service.layout.root, "capture", "delete")
    assert done.returncode == 2
    assert "name the pictures to delete" in done.stderr
    assert len(service.pictures()) == 1


def test_a_name_that_leads_elsewhere_is_refused(service: RunningService) -> None:
    """Paths are no names."""
    done = run(service.layout.root, "capture", "delete", "../config/cinepi.yaml")
    assert done.returncode == 2
    assert "a picture has a name such as" in done.stderr
    assert service.layout.config.exists()


def test_verify_finds_a_damaged_picture(service: RunningService) -> None:
    """Exit code 0 while all is whole, 1 with the names of what is not."""
    root = service.layout.root
    name = service.snapshot().filename
    assert run(root, "capture", "verify").returncode == 0
    picture = service.layout.captures / name
    os.truncate(picture, picture.stat().st_size // 2)
    done = run(root, "capture", "verify")
    assert done.returncode == 1
    assert json.loads(done.stdout)["damaged"] == [name]


def test_verify_finds_a_picture_that_was_altered(service: RunningService) -> None:
    """One byte in the middle shows only where all of it is read."""
    root = service.layout.root
    name = service.snapshot().filename
    assert run(root, "capture", "verify", "--digest").returncode == 0
    with (service.layout.captures / name).open("r+b") as picture:
        picture.seek(20_000)
        (old,) = picture.read(1)
        picture.seek(20_000)
        picture.write(bytes([old ^ 1]))
    assert run(root, "capture", "verify").returncode == 0
    done = run(root, "capture", "verify", "--digest")
    assert done.returncode == 1
    assert json.loads(done.stdout)["damaged"] == [name]


def test_verify_names_some_and_counts_the_rest(service: RunningService) -> None:
    """A person is not shown thousands of names."""
    root = service.layout.root
    service.copy_picture(MAX_NAMES + 1)
    lines = _on_a_terminal(root, "verify")
    assert sum(line.startswith("unknown: cinepi_") for line in lines) == MAX_NAMES
    assert "unknown: and 1 more" in lines


def test_a_folder_is_accepted_only_when_it_has_changed(service: RunningService) -> None:
    """The verb says so, and fails."""
    done = run(service.layout.root, "capture", "accept")
    assert done.returncode != 0
    assert "is the known one already" in done.stderr


def _on_a_terminal(root: Path, *words: str) -> list[str]:
    """The lines that a person sees."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "cinepi.capture", *words],
        env={**os.environ, ROOT_VARIABLE: str(root)},
        stdout=theirs,
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # how a terminal says that nobody writes any more
            break
        if not part:
            break
        shown += part
    os.close(ours)
    assert process.wait(LIMIT_S) == 0
    return shown.decode().replace("\r\n", "\n").splitlines()
