"""Where entries go: the file, standard error, and whoever wants to pass them on."""

import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from cinepi.logs.entry import SEVERITY, LogEntry, line_of
from cinepi.logs.file import LogFile
from cinepi.logs.text import is_colour_welcome, said, text_of, trace
from cinepi.units import MonotonicTime, Seconds

Forward = Callable[[LogEntry], None]

_RETRY: Seconds = 10.0  # how soon a file that could not be written is tried again
_PRIORITY = {"debug": 7, "info": 6, "warning": 4, "error": 3}  # syslog's, as journald reads them


class Output:
    """All destinations of one process; any thread may write, and no failure reaches the writer."""

    def __init__(self) -> None:
        """Warnings and errors go to standard error, until `direct` says otherwise."""
        self._lock = threading.RLock()  # a signal handler may log in the middle of a write
        self._threshold = SEVERITY["warning"]
        self._file: LogFile | None = None
        self._next_try: MonotonicTime = 0.0
        self._has_complained = False
        self._to_stderr = True
        self._forward: Forward | None = None
        self._thread = threading.local()

    def direct(self, file: LogFile, *, to_stderr: bool, forward: Forward | None) -> None:
        """Send entries to these places from now on."""
        with self._lock:
            if self._file:
                self._file.close()
            self._file = file
            self._next_try = 0.0
            self._has_complained = False
            self._to_stderr = to_stderr
            self._forward = forward

    def set_level(self, level: str) -> None:
        """Drop entries that are less serious than `level`, one of `SEVERITY`."""
        self._threshold = SEVERITY[level]

    def is_wanted(self, level: str) -> bool:
        """Whether an entry of this level is serious enough."""
        return SEVERITY[level] >= self._threshold

    def write(self, entry: LogEntry) -> None:
        """Send one entry everywhere."""
        with self._lock:
            self._write_file(entry)
            if self._to_stderr:
                _write_stderr(entry)
        self._pass_on(entry)

    def _write_file(self, entry: LogEntry) -> None:
        if self._file is None or time.monotonic() < self._next_try:
            return
        try:
            self._file.write(line_of(entry))
        except OSError as error:
            self._next_try = time.monotonic() + _RETRY
            if not self._has_complained:
                self._has_complained = True
                _complain(f"the log file cannot be written: {error}")
        else:
            self._has_complained = False

    def _pass_on(self, entry: LogEntry) -> None:
        """Call `forward`, unless it is what has just logged: that would never end."""
        if self._forward is None or getattr(self._thread, "is_forwarding", False):
            return
        self._thread.is_forwarding = True
        try:
            self._forward(entry)
        except Exception as error:  # noqa: BLE001 - logging must not break whoever logs
            _complain(f"a log entry could not be passed on: {error!r}")
        finally:
            self._thread.is_forwarding = False


def _complain(message: str) -> None:
    with suppress(OSError, ValueError):  # nobody is left to tell
        sys.stderr.write(f"{message}\n")


def _write_stderr(entry: LogEntry) -> None:
    if _is_journald():
        priority = f"<{_PRIORITY.get(entry.level, 6)}>"
        text = "\n".join(priority + line for line in (said(entry), *trace(entry)))
    else:
        text = text_of(entry, is_coloured=is_colour_welcome(sys.stderr))
    with suppress(OSError, ValueError):  # closed, or a pipe that nobody reads
        sys.stderr.write(text + "\n")
        sys.stderr.flush()


def _is_journald() -> bool:
    """Whether standard error is the journal's own socket, as systemd says in JOURNAL_STREAM."""
    stream = os.environ.get("JOURNAL_STREAM")
    if not stream:
        return False
    with suppress(OSError, ValueError):
        status = os.fstat(sys.stderr.fileno())
        return stream == f"{status.st_dev}:{status.st_ino}"
    return False
