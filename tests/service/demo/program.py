"""A program as a user sees it: lines, a process, an exit code."""

import os
import queue
import subprocess
import threading
from collections.abc import Mapping
from typing import Protocol

LIMIT_S = 20.0
"""Seconds that anything may take on a loaded machine before a test fails."""


class Running:
    """A program whose lines are read as they come."""

    def __init__(self, command: list[str], environment: Mapping[str, str]) -> None:
        """Start it."""
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **environment},
            start_new_session=True,
        )
        self.lines: list[str] = []
        self._new: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, name="reader", daemon=True).start()

    def line_with(self, words: str, limit_s: float = LIMIT_S) -> str:
        """The next line that contains `words`; fails if there is none in time."""
        while True:
            try:
                line = self._new.get(timeout=limit_s)
            except queue.Empty:
                line = None
            assert line is not None, f"no line with {words!r} in:\n" + "".join(self.lines)
            if words in line:
                return line

    def end(self, number: int) -> int:
        """Send a signal and wait for the exit code."""
        self.process.send_signal(number)
        return self.process.wait(LIMIT_S)

    def close(self) -> None:
        """Leave nothing behind."""
        self.process.kill()
        self.process.wait(LIMIT_S)

    def _read(self) -> None:
        assert self.process.stdout
        with self.process.stdout as stream:
            for line in stream:
                self.lines.append(line)
                self._new.put(line)
        self._new.put(None)


class Start(Protocol):
    """Starts a Python program."""

    def __call__(self, *arguments: str, **environment: str) -> Running:
        """With these arguments of the interpreter, and these additions to the environment."""
        ...
