"""A file that holds disk space, to be dropped when the disk is full."""

import os
from contextlib import suppress
from pathlib import Path

from cinepi.clock import Clock
from cinepi.units import Bytes, MonotonicTime, Seconds

SIZE: Bytes = 1024 * 1024
"""Room for some 60 transactions, which is long enough to say so and to delete something."""

_SPARE: Bytes = 16 * SIZE  # free space below which the file is not made again
_RETRY: Seconds = 10.0


class Ballast:
    """One file of `SIZE` bytes beside the database.

    On a full disk SQLite can neither insert nor delete rows, so deleting needs room first.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        """Hold the space at `path`, once `restore` is called."""
        self._path = path
        self._clock = clock
        self._is_held = path.exists() and path.stat().st_size == SIZE
        self._next_try: MonotonicTime = clock.monotonic()

    def drop(self) -> bool:
        """Give the space up; False if there was none to give."""
        self._is_held = False
        self._next_try = self._clock.monotonic() + _RETRY
        try:
            self._path.unlink()
        except OSError:
            return False
        return True

    def restore(self) -> None:
        """Take the space again if it was dropped and the disk has plenty; looks every 10 s."""
        if self._is_held or self._clock.monotonic() < self._next_try:
            return
        self._next_try = self._clock.monotonic() + _RETRY
        with suppress(OSError):  # full again meanwhile, or not permitted: tried again later
            self._make()

    def _make(self) -> None:
        disk = os.statvfs(self._path.parent)
        if disk.f_bavail * disk.f_frsize < _SPARE:
            return
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640)
        try:
            os.posix_fallocate(descriptor, 0, SIZE)  # real blocks, not a hole
        except OSError:
            self._path.unlink()
            raise
        finally:
            os.close(descriptor)
        self._is_held = True
