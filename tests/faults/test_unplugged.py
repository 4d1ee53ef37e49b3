"""The disk of the pictures is away when the service starts, goes in mid-session, and comes back."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cinepi.protocol import HealthResult
from tests.service.running import RunningService, wait_for

IMAGE_MB = 64


class Stick:
    """A real file system in a file, to be mounted on the folder of the pictures."""

    def __init__(self, image: Path, folder: Path) -> None:
        """Make it; nothing is mounted."""
        self._image, self._folder = image, folder
        folder.mkdir(parents=True)
        with image.open("wb") as file:
            file.truncate(IMAGE_MB * 1_000_000)
        subprocess.run(["mkfs.ext4", "-q", str(image)], check=True)

    def mount(self) -> None:
        """Plug it in."""
        words = ["mount", "-o", "loop", str(self._image), str(self._folder)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"needs the right to mount: {done.stderr.strip()}")

    def unmount(self) -> None:
        """Pull it out."""
        if os.path.ismount(self._folder):
            subprocess.run(["umount", "-l", str(self._folder)], check=True)


@pytest.fixture
def stick(tmp_path: Path) -> Iterator[Stick]:
    """One that is mounted."""
    if os.geteuid() != 0 or shutil.which("mkfs.ext4") is None:
        pytest.skip("needs root and mkfs.ext4")
    stick = Stick(tmp_path / "stick.img", tmp_path / "opt/cinepi/captures")
    stick.mount()
    yield stick
    stick.unmount()


def state(service: RunningService) -> str:
    """Of the check of the folder."""
    return service.call("health.get", HealthResult).file_system.state


def test_the_same_pictures_are_not_told_again(stick: Stick, tmp_path: Path) -> None:
    """A boot without the stick: the card stays empty, and the stick's return is no news of 20."""
    service = RunningService.start(tmp_path)
    try:
        names = {service.snapshot().filename for _ in range(20)}
        service.terminate()
        service.close()
        stick.unmount()
        service = RunningService.start(tmp_path)
        service.start_session()
        wait_for(lambda: service.session().missed_by.get("storage", 0) >= 2)
        assert state(service) == "failing"
        assert service.pictures() == []
        stick.mount()
        service.frames_reach(2)
        wait_for(lambda: state(service) == "ok")
        stored = [str(event["filename"]) for event in service.events("capture_stored")]
        assert len(stored) == len(set(stored))
        assert names < set(service.pictures())
        assert service.events("capture_deleted") == []
        assert service.events("captures_found") == []
        assert len(service.events("captures_folder_changed")) == 1
    finally:
        service.close()


def test_a_stick_that_is_pulled_out_in_mid_session(stick: Stick, tmp_path: Path) -> None:
    """Slots are missed and counted, and the session goes on by itself."""
    service = RunningService.start(tmp_path)
    try:
        service.start_session()
        service.frames_reach(2)
        stick.unmount()
        wait_for(lambda: service.session().missed_by.get("storage", 0) >= 2)
        assert service.pictures() == []
        frames = service.session().frames
        stick.mount()
        service.frames_reach(frames + 2)
        assert service.events("capture_deleted") == []
    finally:
        service.close()
