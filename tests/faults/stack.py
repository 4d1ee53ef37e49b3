"""A whole device and its broker, each a process that can be killed, stopped or made to suffer."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, TypeVar

import psutil

from cinepi.capture.folder import MARKER
from cinepi.clock import CLOCK_VARIABLE
from cinepi.paths import ROOT_VARIABLE, Layout
from tests.machine import free_port

DEVICE = "garden"
LIMIT = 30.0
"""Seconds that anything may take on a loaded machine before a round has failed."""

ValueT = TypeVar("ValueT")


def wait_for(
    what: Callable[[], ValueT], *, limit: float = LIMIT, why: Callable[[], str] | str = ""
) -> ValueT:
    """Ask until the answer is true, and return it."""
    deadline = time.monotonic() + limit
    while not (value := what()):
        if time.monotonic() > deadline:
            reason = why if isinstance(why, str) else why()
            raise AssertionError(f"waited for {limit} s in vain: {reason}")
        time.sleep(0.01)  # the poll of a deadline, not a guess at a duration
    return value


class Program:
    """One program, run again and again."""

    def __init__(self, name: str, command: Sequence[str], log: Path, **env: str) -> None:
        """Prepare it; what it says on stderr goes to the end of `log`."""
        self.name = name
        self.starts = 0
        self._command = list(command)
        self._log = log
        self._env = {**os.environ, **env}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, tracer: Sequence[str] = ()) -> None:
        """Start it, on request under a tracer: see `strace`."""
        with self._log.open("ab") as log:
            self._process = _spawn([*tracer, *self._command], self._env, log)
        self.starts += 1

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """What it ended with."""
        return None if self._process is None else self._process.poll()

    @property
    def pid(self) -> int:
        """Of the program itself, not of strace around it."""
        assert self._process is not None
        process = psutil.Process(self._process.pid)
        if process.name() == "strace":
            process = process.children()[0]
        return process.pid

    def kill(self) -> None:
        """End it as a power cut does; it may have ended already."""
        if self._process is None:
            return
        with suppress(psutil.Error, IndexError):
            os.kill(self.pid, signal.SIGKILL)
        self.await_end()

    def terminate(self) -> int:
        """End it as systemd does."""
        os.kill(self.pid, signal.SIGTERM)
        return self.await_end()

    def freeze(self) -> None:
        """Let it hold all it has and do nothing."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        os.kill(self.pid, signal.SIGCONT)

    def await_end(self, limit: float = LIMIT) -> int:
        """Wait until it has ended by itself; returns its exit code."""
        assert self._process is not None
        try:
            return self._process.wait(limit)
        except subprocess.TimeoutExpired as error:
            raise AssertionError(f"{self.name} did not end within {limit} s") from error


class Stack:
    """Broker, camera service and daemon below one folder.

    Attributes:
        root: What `CINEPI_ROOT` is.
        port: Of the broker; the daemon may be sent to another, such as a proxy's.
        broker: mosquitto.
        service: The camera service.
        daemon: cinepid.
        clock_was_set: Whether the wall clock was moved while it was watched.
    """

    def __init__(
        self,
        root: Path,
        *,
        is_persistent: bool = True,
        broker_lines: Sequence[str] = (),
        daemon_port: int | None = None,
        camera: Mapping[str, object] | None = None,
        capture: Mapping[str, object] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """Write all configuration; nothing is started."""
        self.root = root
        self.layout = layout = Layout(root)
        self.port = free_port()
        for folder in (layout.config.parent, layout.captures, root / "broker"):
            folder.mkdir(parents=True, exist_ok=True)
        if not layout.config.exists():
            sections = {
                "camera": {"backend": "simulated", "resolution": "640x480", **(camera or {})},
                "capture": {"reserve_mb": 16, **(capture or {})},
            }
            layout.config.write_text(json.dumps(sections))
        layout.daemon_config.write_text(
            json.dumps(
                {
                    "device": {"id": DEVICE},
                    "broker": {"host": "127.0.0.1", "port": daemon_port or self.port},
                }
            )
        )
        self.set_clock()
        self.clock_was_set = False
        environment = {
            ROOT_VARIABLE: str(root),
            CLOCK_VARIABLE: str(root / "clock.json"),
            **(env or {}),
        }
        python = [sys.executable, "-m"]
        log = root / "stderr.log"
        self.broker = Program(
            "broker",
            [_mosquitto(), "-c", str(self._write_broker(is_persistent, broker_lines))],
            log,
        )
        self.service = Program("service", [*python, "cinepi.service"], log, **environment)
        self.daemon = Program("daemon", [*python, "cinepid", "run"], log, **environment)
        self.programs = (self.daemon, self.service, self.broker)

    def start(self) -> None:
        """Start all three."""
        self.start_broker()
        self.service.start()
        self.daemon.start()

    def start_broker(self) -> None:
        """Start the broker, and wait until it listens."""
        self.broker.start()
        wait_for(self._listens, why="the broker does not listen")

    def close(self) -> None:
        """Make sure that everything has gone."""
        for program in self.programs:
            program.kill()

    def set_clock(self, offset_s: float = 0, *, synced: bool = True) -> None:
        """Steer the wall clock of both programs."""
        clock = self.root / "clock.json"
        new = clock.with_suffix(".new")
        new.write_text(json.dumps({"offset_s": offset_s, "synced": synced}))
        new.replace(clock)  # nobody must find half a clock
        self.clock_was_set = True

    def fault(self, fault: str, count: int | None = None, seconds: float = 1.0) -> None:
        """Break the simulated camera."""
        new = self.layout.faults.with_suffix(".harness")
        new.write_text(json.dumps({"fault": fault, "count": count, "seconds": seconds}))
        new.replace(self.layout.faults)

    def mend(self) -> None:
        """Let the simulated camera work again."""
        self.layout.faults.unlink(missing_ok=True)

    def pictures(self) -> set[str]:
        """Names of all files in the capture folder, but for the one that marks it."""
        files = (path for path in self.layout.captures.iterdir() if path.is_file())
        return {path.name for path in files if path.name != MARKER}

    def stderr(self) -> str:
        """The end of what the programs said."""
        return (self.root / "stderr.log").read_text(errors="replace")[-4000:]

    def _listens(self) -> bool:
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port)).close()
            return True
        return False

    def _write_broker(self, is_persistent: bool, lines: Sequence[str]) -> Path:  # noqa: FBT001
        path = self.root / "broker" / "mosquitto.conf"
        persistence: tuple[str, ...] = ()
        if is_persistent:
            persistence = (
                "persistence true",
                f"persistence_location {path.parent}/",
                "autosave_on_changes true",
                "autosave_interval 1",
            )
        common = (
            f"listener {self.port} 127.0.0.1",
            "allow_anonymous true",
            "set_tcp_nodelay true",
            "user root",
            "log_type error",
            "max_queued_messages 100000",
        )
        path.write_text("\n".join((*common, *persistence, *lines, "")))
        return path


def _mosquitto() -> str:
    program = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")
    assert program, "mosquitto is not installed"
    return program


def _spawn(
    command: Sequence[str], env: Mapping[str, str], log: IO[bytes]
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
    )
