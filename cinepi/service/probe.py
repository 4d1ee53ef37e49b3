"""Can the folder of the pictures be written? Found out at little cost for a card."""

import errno
import os
import time
from pathlib import Path

from cinepi.clock import Clock
from cinepi.disk import our_errors, try_out
from cinepi.units import Milliseconds, MonotonicTime, Seconds

WRITE_EVERY: Seconds = 1800.0
"""What a picture needs is really done so often: twice a minute wrote 8 to 11 MB of ext4 metadata an
hour."""


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
            CinepiError: It cannot be written, or is not there.
        """
        began = time.perf_counter()
        now = self._clock.monotonic()
        if self._written_at is None or now - self._written_at > WRITE_EVERY:
            self._written_at = None
            try_out(self._folder, self._clock)
            self._written_at = now
        else:
            with our_errors(self._folder):
                self._ask()
        return round((time.perf_counter() - began) * 1e3, 3)

    def _ask(self) -> None:
        if os.statvfs(self._folder).f_flag & os.ST_RDONLY:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        if not os.access(self._folder, os.W_OK | os.X_OK):
            raise OSError(errno.EACCES, os.strerror(errno.EACCES))
