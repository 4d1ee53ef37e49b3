"""Child processes that are started again when they end, as systemd would."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cinepi.clock import Clock
from cinepi.units import MonotonicTime, Seconds

FIRST_DELAY: Seconds = 0.2
LONGEST_DELAY: Seconds = 10.0
STOP_LIMIT: Seconds = 10.0
"""How long a child may take to end by itself before it is killed."""
BAD_CONFIG = 78  # EX_CONFIG: another start would fail likewise
FEW = 3
"""After so many ends in a row a child's own words are shown."""

_SETTLED: Seconds = 10.0  # a child that ran for so long starts with a clean slate
_SHOWN_LINES = 8
_SHOWN_BYTES = 8192


@dataclass(frozen=True, slots=True)
class Program:
    """What to run.

    Attributes:
        name: For people.
        command: The program and its arguments.
        log: Where its stderr goes; emptied at the first start.
    """

    name: str
    command: Sequence[str]
    log: Path


class Child:
    """One program, run again and again. Only one thread, which must live on, may use it."""

    def __init__(self, program: Program, clock: Clock, on_end: Callable[["Child"], None]) -> None:
        """Start nothing yet; `on_end` is called in a thread of its own at each end."""
        self.name = program.name
        self._program = program
        self._clock = clock
        self._on_end = on_end
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at: MonotonicTime = 0.0
        self._stopping = False
        self.starts_at: MonotonicTime | None = None
        """When it is due to start again; None while it runs, and after `stop`."""
        self.ends_in_a_row = 0

    @property
    def pid(self) -> int | None:
        """The process's id while it runs."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start it; blocks for a few milliseconds."""
        first = self._started_at == 0.0
        self._program.log.parent.mkdir(parents=True, exist_ok=True)
        self.starts_at = None
        self._started_at = self._clock.monotonic()
        with self._program.log.open("wb" if first else "ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "cinepid.demo.child", str(os.getpid())]
                + list(self._program.command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the demo alone, which ends them in order
            )
        threading.Thread(
            target=self._wait, args=(self._process,), name=f"wait-{self.name}", daemon=True
        ).start()

    def ended(self) -> str:
        """Take note of an end, choose when to start again, and say both for people."""
        if self._process is None:
            return f"{self.name} ended"
        code = self._process.wait()
        self._process = None
        now = self._clock.monotonic()
        self.ends_in_a_row = 1 if now - self._started_at > _SETTLED else self.ends_in_a_row + 1
        how = (
            f"{self.name} was ended by signal {-code}"
            if code < 0
            else f"{self.name} ended with {code}"
        )
        if code == BAD_CONFIG:
            return f"{how}: its configuration is wrong"
        delay = min(FIRST_DELAY * 2 ** (self.ends_in_a_row - 1), LONGEST_DELAY)
        self.starts_at = now + delay
        return f"{how}; it starts again in {delay:g} s"

    def last_words(self) -> list[str]:
        """The last lines that it wrote."""
        try:
            with self._program.log.open("rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - _SHOWN_BYTES))
                return log.read().decode(errors="replace").splitlines()[-_SHOWN_LINES:]
        except OSError:
            return []

    def stop(self) -> str | None:
        """End it, and say what was unusual about that; blocks for at most `STOP_LIMIT`."""
        self._stopping = True
        self.starts_at = None
        if self._process is None:
            return None
        self._process.terminate()
        try:
            self._process.wait(STOP_LIMIT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            return f"{self.name} did not end within {STOP_LIMIT:g} s and was killed"
        return None

    def _wait(self, process: "subprocess.Popen[bytes]") -> None:
        process.wait()
        if not self._stopping:
            self._on_end(self)
