"""Can the folder of the pictures be written? Found out at little cost for a card."""

import errno
import os
import time
from pathlib import Path

from cinepi.clock import Clock
from cinepi.units import Milliseconds, MonotonicTime, Seconds

WRITE_EVERY: Seconds = 1800.0
"""A file is really made so often. Twice a minute wrote 8 to 11 MB of ext4 metadata an hour."""

_NO_NAMELESS_FILES = {errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT}
_NAME = ".cinepi_health.tmp"  # should it ever stay, the sweep at the next start removes it


class FolderProbe:
    """Tries a folder; asks the system most of the time, and writes now and then."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        """Nothing is tried before `measure`."""
        self._folder = folder
        self._clock = clock
        self._written_at: MonotonicTime | None = None

    def measure(self) -> Milliseconds:
        """Try the folder and return how long that took.

        Raises:
            OSError: It cannot be written, or is not there.
        """
        began = time.perf_counter()
        now = self._clock.monotonic()
        if self._written_at is None or now - self._written_at > WRITE_EVERY:
            self._written_at = None
            self._write()
            self._written_at = now
        else:
            self._ask()
        return round((time.perf_counter() - began) * 1e3, 3)

    def _ask(self) -> None:
        if os.statvfs(self._folder).f_flag & os.ST_RDONLY:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        if not os.access(self._folder, os.W_OK | os.X_OK):
            raise OSError(errno.EACCES, os.strerror(errno.EACCES))

    def _write(self) -> None:
        """Make a file without a name: nothing is left of it, whatever happens."""
        try:
            descriptor = os.open(self._folder, os.O_TMPFILE | os.O_WRONLY, 0o600)
        except OSError as error:
            if error.errno not in _NO_NAMELESS_FILES or not self._folder.is_dir():
                raise
            self._write_named()
            return
        try:
            os.write(descriptor, b"\0")
        finally:
            os.close(descriptor)

    def _write_named(self) -> None:
        path = self._folder / _NAME
        path.write_bytes(b"\0")
        path.unlink()
