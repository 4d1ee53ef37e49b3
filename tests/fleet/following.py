"""`cinepictl events -f --json`, in the background of a test."""

import json
import subprocess
from contextlib import ExitStack
from queue import Queue
from threading import Thread
from typing import Any

from tests.fleet.operator import Ctl


class Follower:
    """What it has told so far.

    Attributes:
        events: In the order in which they came.
        notes: What it said beside them.
    """

    def __init__(self, ctl: Ctl, stack: ExitStack, *words: str) -> None:
        """Start it; it ends with the stack."""
        self.events: list[dict[str, Any]] = []
        self.notes: Queue[str] = Queue()
        self._process = subprocess.Popen(
            ctl.command("events", "-f", "--json", *words),
            env=ctl.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name, read in (("events", self._read), ("notes", self._note)):
            reader = Thread(target=read, name=name)
            stack.callback(reader.join, 20)
            reader.start()
        stack.callback(self._process.wait, 20)
        stack.callback(self._process.terminate)

    def numbers(self, device: str = "garden") -> list[int]:
        """Those of a device."""
        return [event["seq"] for event in self.events if event["device"] == device]

    def events_of(self, device: str, kind: str) -> list[dict[str, Any]]:
        """Those of one type."""
        return [e for e in self.events if e["device"] == device and e["type"] == kind]

    def _read(self) -> None:
        assert self._process.stdout
        with self._process.stdout as lines:
            for line in lines:
                self.events.append(json.loads(line))

    def _note(self) -> None:
        assert self._process.stderr
        with self._process.stderr as lines:
            for line in lines:
                self.notes.put(line)
