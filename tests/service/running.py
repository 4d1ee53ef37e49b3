"""A camera service as a user has it: a process, a socket, a folder."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar, cast

import msgspec
import piexif

from cinepi.capture.folder import MARKER
from cinepi.client import Client
from cinepi.clock import CLOCK_VARIABLE
from cinepi.envelope import Command
from cinepi.errors import CameraUnavailableError
from cinepi.model.documents import CameraDocument, CaptureDocument, SessionDocument
from cinepi.paths import Layout
from cinepi.protocol import (
    EventsReadParams,
    EventsReadResult,
    Params,
    PingResult,
    StartParams,
    TakeParams,
)

ValueT = TypeVar("ValueT")

LIMIT = 15.0
"""Seconds that anything may take on a loaded machine before a test fails."""


def wait_for(what: Callable[[], ValueT], *, limit: float = LIMIT) -> ValueT:
    """Ask until the answer is true, and return it."""
    deadline = time.monotonic() + limit
    while not (value := what()):
        if time.monotonic() > deadline:
            message = f"waited for {limit} s in vain"
            raise AssertionError(message)
        time.sleep(0.01)  # the poll of a deadline, not a guess at a duration
    return value


def replace(path: Path, content: Mapping[str, object]) -> None:
    """Put a JSON file in place of another, of which a program never finds half."""
    new = path.with_suffix(".new")
    new.write_text(json.dumps(content))
    new.replace(path)


@dataclass
class RunningService:
    """One run of the service."""

    layout: Layout
    process: subprocess.Popen[bytes]
    clients: list[Client] = field(default_factory=list)

    @classmethod
    def start(
        cls,
        root: Path,
        *,
        is_steered: bool = True,
        closes_streams: bool = False,
        **settings: object,
    ) -> "RunningService":
        """Start it with small pictures, or with settings such as `camera={"resolution": …}`.

        Its clock can be set with `set_clock`, unless it is not `is_steered`. Its standard streams
        can be closed, as some supervisors do it.
        """
        layout = Layout(root)
        if not layout.config.exists():
            layout.config.parent.mkdir(parents=True)
            camera: dict[str, object] = {"backend": "simulated", "resolution": "640x480"}
            capture: dict[str, object] = {"reserve_mb": 16}
            for name, values in settings.items():
                assert isinstance(values, dict)
                {"camera": camera, "capture": capture}[name].update(values)
            layout.config.write_text(json.dumps({"camera": camera, "capture": capture}))
        clock = root / "clock.json"
        if not clock.exists():
            clock.write_text('{"offset_s": 0, "synced": true}')
        program = [sys.executable, "-m", "cinepi.service", "--root", str(root)]
        if closes_streams:
            program = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *program]
        process = subprocess.Popen(
            program,
            env={**os.environ, **({CLOCK_VARIABLE: str(clock)} if is_steered else {})},
            stderr=subprocess.PIPE,
        )
        service = cls(layout, process)
        try:
            wait_for(service._is_listening)
        except BaseException:
            service.close()
            raise
        return service

    def close(self) -> None:
        """Make sure that it is gone."""
        self.process.kill()
        self.process.wait(LIMIT)
        assert self.process.stderr
        self.process.stderr.close()

    def client(self) -> Client:
        """A new connection."""
        client = Client.connect(self.layout, start=False)
        self.clients.append(client)
        return client

    def call(
        self,
        method: str,
        result: type[ValueT],
        params: Params | None = None,
        *,
        command: Command | None = None,
    ) -> ValueT:
        """Ask on a connection of its own."""
        with self.client() as client:
            return client.call(method, result, params, command=command)

    def call_raw(self, method: str, params: dict[str, object]) -> object:
        """Ask with arguments that no client of ours would send."""
        with self.client() as client:
            return client.call(method, dict, cast("Params", params))

    def start_session(self, **params: object) -> SessionDocument:
        """Begin a session of 1 s, or with other parameters."""
        wanted = msgspec.convert({"interval": 1, **params}, StartParams)
        return self.call("session.start", SessionDocument, wanted)

    def session(self) -> SessionDocument:
        """The session's document."""
        return self.call("session.get", SessionDocument)

    def camera(self) -> CameraDocument:
        """The camera's document."""
        return self.call("camera.get", CameraDocument)

    def snapshot(self, command: Command | None = None) -> CaptureDocument:
        """Take a picture."""
        return self.call("snapshot.take", CaptureDocument, TakeParams(), command=command)

    def events(self, kind: str | None = None) -> list[dict[str, object]]:
        """All events so far, or those of one type, each with its `seq`."""
        found: list[dict[str, object]] = []
        after = 0
        while True:
            page = self.call(
                "events.read", EventsReadResult, EventsReadParams(after=after, limit=500)
            )
            for entry in page.events:
                data = json.loads(bytes(entry.data))
                found.append({"seq": entry.seq, **data})
                after = entry.seq
            if not page.events:
                return [event for event in found if kind in (None, event["type"])]

    def frames_reach(self, count: int) -> SessionDocument:
        """Wait until the session has so many frames."""
        return wait_for(lambda: (d := self.session()).frames >= count and d)  # type: ignore[return-value]

    def set_clock(self, **values: object) -> None:
        """Steer the wall clock: `offset_s`, `synced`."""
        replace(self.layout.root / "clock.json", values)

    def fault(self, fault: str, count: int | None = None, seconds: float = 0) -> None:
        """Break the simulated camera."""
        replace(self.layout.faults, {"fault": fault, "count": count, "seconds": seconds})

    def mend(self) -> None:
        """Let the simulated camera work again."""
        self.layout.faults.unlink()

    def terminate(self) -> None:
        """Stop it as systemd does, and expect a clean end."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(LIMIT) == 0

    def kill(self) -> None:
        """Stop it as a power cut does."""
        self.process.kill()
        self.process.wait(LIMIT)

    def pictures(self) -> list[str]:
        """Names of all files in the capture folder, but for the one that marks it."""
        files = (path for path in self.layout.captures.iterdir() if path.is_file())
        return sorted(path.name for path in files if path.name != MARKER)

    def copy_picture(self, times: int) -> None:
        """Take a picture and put copies of it beside it, for the next start to find."""
        original = (self.layout.captures / self.snapshot().filename).read_bytes()
        for number in range(times):
            minute, second = divmod(number, 60)
            copy = self.layout.captures / f"cinepi_20200101_00{minute:02}{second:02}.jpg"
            copy.write_bytes(original)

    def exif(self, name: str) -> dict[str, dict[int, object]]:
        """A picture's EXIF."""
        loaded: dict[str, dict[int, object]] = piexif.load(str(self.layout.captures / name))
        return loaded

    def _is_listening(self) -> bool:
        if self.process.poll() is not None:
            assert self.process.stderr
            raise AssertionError(self.process.stderr.read().decode())
        try:
            with self.client() as client:
                client.call("ping", PingResult)
        except CameraUnavailableError:
            return False
        return True
