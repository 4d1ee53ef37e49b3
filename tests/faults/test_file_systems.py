"""File systems that people have on sticks and network drives: pictures are stored, none is lost."""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from cinepi.disk import rename_if_free
from cinepi.protocol import HealthResult
from tests.faults import strace
from tests.faults.invariants import missed_slots
from tests.service.running import RunningService, wait_for

IMAGE_MB = 64
Mount = Callable[[Path], None]


def run(*words: str) -> None:
    """Run a program of the system; without it, or without the right, the test is skipped."""
    if shutil.which(words[0]) is None:
        pytest.skip(f"needs {words[0]}")
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        pytest.skip(f"{words[0]} says: {done.stderr.strip()[-200:]}")


def exfat(folder: Path, beside: Path, stack: ExitStack) -> None:
    """Mount exFAT, by FUSE: neither links nor renames that spare a file."""
    _make_image(beside, "mkfs.exfat")
    device = subprocess.run(
        ["losetup", "-f", "--show", str(beside)], capture_output=True, text=True, check=False
    ).stdout.strip()
    if not device:
        pytest.skip("needs a loop device")
    stack.callback(subprocess.run, ["losetup", "-d", device], check=False)
    run("mount.exfat-fuse", device, str(folder))


def fat(folder: Path, beside: Path, _: ExitStack) -> None:
    """Mount FAT, by FUSE."""
    _make_image(beside, "mkfs.vfat")
    run("fusefat", "-o", "rw+", str(beside), str(folder))


def rclone(folder: Path, beside: Path, _: ExitStack) -> None:
    """Mount what rclone makes of a folder, as of a cloud."""
    beside.mkdir()
    run("rclone", "mount", str(beside), str(folder), "--daemon", "--daemon-wait", "20s")


def bind(folder: Path, beside: Path, _: ExitStack) -> None:
    """Mount a folder over FUSE that knows links, and no renames that spare a file."""
    beside.mkdir()
    run("bindfs", str(beside), str(folder))


def _make_image(path: Path, maker: str) -> None:
    with path.open("wb") as image:
        image.truncate(IMAGE_MB * 1_000_000)
    run(maker, str(path))


@pytest.fixture(params=[exfat, fat, rclone, bind], ids=lambda mount: mount.__name__)
def captures(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A folder for pictures on such a file system."""
    if os.geteuid() != 0 or not Path("/dev/fuse").exists():
        pytest.skip("needs root and /dev/fuse")
    folder = tmp_path / "opt/cinepi/captures"
    folder.mkdir(parents=True)
    with ExitStack() as stack:
        request.param(folder, tmp_path / "beside", stack)
        stack.callback(subprocess.run, ["umount", "-l", str(folder)], check=False)
        wait_for(lambda: os.path.ismount(folder))
        yield folder


@pytest.fixture
def service(captures: Path, tmp_path: Path) -> Iterator[RunningService]:
    """A service with its pictures there."""
    assert captures.is_dir()
    service = RunningService.start(tmp_path)
    yield service
    service.close()


def test_pictures_are_stored(service: RunningService) -> None:
    """A snapshot and a session; health says that all is well, and means what a picture needs."""
    assert service.call("health.get", HealthResult).file_system.state == "ok"
    first = service.snapshot()
    second = service.snapshot()
    assert service.pictures() == sorted([first.filename, second.filename])
    assert (service.layout.captures / first.filename).stat().st_size == first.size
    service.start_session()
    service.frames_reach(2)
    service.terminate()
    left = [path.name for path in service.layout.captures.iterdir() if path.suffix == ".tmp"]
    assert left == []


def test_nothing_is_overwritten(captures: Path) -> None:
    """A name that is taken stays with its file, however it was come by."""
    (captures / "old").write_bytes(b"old")
    (captures / "new").write_bytes(b"new")
    folder = os.open(captures, os.O_RDONLY | os.O_DIRECTORY)
    try:
        assert not rename_if_free(folder, "new", "old")
        assert (captures / "old").read_bytes() == b"old"
        assert (captures / "new").read_bytes() == b"new"
        assert rename_if_free(folder, "new", "free")
        assert (captures / "free").read_bytes() == b"new"
        assert not (captures / "new").exists()
    finally:
        os.close(folder)


@pytest.mark.parametrize(
    "captures", [exfat, rclone], indirect=True, ids=lambda mount: mount.__name__
)
def test_a_kill_between_owning_a_name_and_using_it(captures: Path, tmp_path: Path) -> None:
    """The empty file is no damaged picture and blocks no name; the session goes on."""
    service = RunningService.start(tmp_path)
    try:
        service.start_session()
        service.frames_reach(2)
        with strace.attached(service.process.pid, ("renameat",), "signal=KILL"):
            assert service.process.wait(20) == -signal.SIGKILL
    finally:
        service.close()
    assert [path for path in captures.glob("cinepi_*") if not path.stat().st_size]
    service = RunningService.start(tmp_path)
    try:
        assert [path for path in captures.glob("cinepi_*") if not path.stat().st_size] == []
        assert service.events("capture_quarantined") == []
        service.frames_reach(service.session().frames + 2)
        frames = [int(str(event["frame"])) for event in service.events("capture_stored")]
        told = [*frames, *missed_slots(service.events("frames_missed"))]
        assert sorted(told) == list(range(len(told)))
    finally:
        service.close()
