"""A small disk of a test's own, to be filled and mounted in other ways."""

import os
import subprocess
from pathlib import Path

import pytest


class Disk:
    """A small file system of its own, mounted over a folder."""

    def __init__(self, folder: Path, options: str) -> None:
        """Mount it."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        _mount("-t", "tmpfs", "-o", options, "tmpfs", str(folder))

    def remount(self, option: str) -> None:
        """Change how it is mounted, as the kernel does when a card fails."""
        _mount("-o", f"remount,{option}", str(self.folder))

    def leave(self, free: int) -> None:
        """Fill it until so many bytes are free."""
        self.filler.unlink(missing_ok=True)
        size = self._free() - free
        subprocess.run(["fallocate", "-l", str(size), str(self.filler)], check=True)

    def empty(self) -> None:
        """Give the space back."""
        self.filler.unlink(missing_ok=True)
        for file in self.folder.glob("inode-*"):
            file.unlink()

    def use_up_inodes(self) -> None:
        """Make files until no more can be made."""
        number = 0
        while True:
            try:
                (self.folder / f"inode-{number}").touch()
            except OSError:
                return
            number += 1

    @property
    def filler(self) -> Path:
        """What fills it."""
        return self.folder / "filler"

    def close(self) -> None:
        """Unmount it."""
        subprocess.run(["umount", "-l", str(self.folder)], check=False)

    def _free(self) -> int:
        status = os.statvfs(self.folder)
        return status.f_bavail * status.f_frsize


def _mount(*arguments: str) -> None:
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"needs the right to mount: {done.stderr.strip()}")
