"""A log file that starts anew when it is full, and keeps a few of those before."""

import os
from contextlib import suppress
from pathlib import Path

from cinepi.units import Bytes

MAX_SIZE: Bytes = 1024 * 1024
"""A file that would grow beyond this becomes `….1`."""
FILES = 5
"""The one in use and those before it: 5 MiB are some 30,000 entries."""


def generations(path: Path) -> list[Path]:
    """The file at `path` and those before it, newest first, whether they exist or not."""
    return [path, *(path.with_name(f"{path.name}.{age}") for age in range(1, FILES))]


class LogFile:
    """The file in use. Each line reaches the kernel in one piece, and is not waited for further."""

    def __init__(self, path: Path) -> None:
        """Write to `path`, from the first `write` on."""
        self._path = path
        self._descriptor: int | None = None
        self._identity: tuple[int, int] | None = None
        self._size: Bytes = 0
        self._is_torn = False

    def write(self, line: bytes) -> None:
        """Append one line.

        Raises:
            OSError: The folder or the file cannot be made or written, or the disk is full.
        """
        descriptor = self._open()
        if self._size and self._size + len(line) > MAX_SIZE:
            self._rotate()
            descriptor = self._open()
        if self._is_torn:  # by a power cut or a full disk: what follows is a line of its own
            line = b"\n" + line
        written = os.write(descriptor, line)
        self._size += written
        self._is_torn = written < len(line)

    def close(self) -> None:
        """Close the file; the next `write` opens it again."""
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor = None
        self._identity = None

    def _open(self) -> int:
        """Open the file, again if somebody has moved or removed it."""
        if self._descriptor is not None and self._identity == self._present():
            return self._descriptor
        self.close()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT
        self._descriptor = os.open(self._path, flags, 0o640)
        status = os.fstat(self._descriptor)
        self._identity = status.st_dev, status.st_ino
        self._size = status.st_size
        last = os.pread(self._descriptor, 1, self._size - 1) if self._size else b"\n"
        self._is_torn = last != b"\n"
        return self._descriptor

    def _present(self) -> tuple[int, int] | None:
        with suppress(OSError):
            status = self._path.stat()
            return status.st_dev, status.st_ino
        return None

    def _rotate(self) -> None:
        self.close()
        files = generations(self._path)
        for older, newer in zip(reversed(files), reversed(files[:-1]), strict=False):
            with suppress(FileNotFoundError):
                newer.replace(older)
