"""A long run with random faults that no process has to die of: memory, files and threads stay."""

import random
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.faults import invariants
from tests.faults.observer import Observer
from tests.faults.stack import Program, Stack, wait_for
from tests.faults.traffic import Traffic

EVERY = 10.0
"""Seconds from fault to fault."""
WARM_UP = 0.25
"""Part of the run after which everything that is remembered has its full size."""
DAY = 86_400


@dataclass(frozen=True)
class Size:
    """What a process takes."""

    rss: int
    fds: int
    threads: int

    @classmethod
    def of(cls, program: Program) -> "Size":
        """Measure it now, while no command is under way."""
        process = psutil.Process(program.pid)
        return cls(process.memory_info().rss, process.num_fds(), process.num_threads())

    def since(self, before: "Size") -> str:
        """In words, what was added."""
        megabytes = (self.rss - before.rss) / 1024 / 1024
        return (
            f"{megabytes:+.2f} MB (to {self.rss / 1024 / 1024:.0f}), "
            f"{self.fds - before.fds:+d} descriptors, {self.threads - before.threads:+d} threads"
        )


@dataclass(frozen=True)
class Report:
    """How it went."""

    faults: dict[str, int]
    frames: int
    missed: dict[str, int]
    events: int
    duplicates: int
    growth: dict[str, str]
    problems: list[str]


class Soak:
    """A device with a 1 s session, commands, and a fault every few seconds."""

    def __init__(self, root: Path, *, seed: int) -> None:
        """Start everything."""
        self._choice = random.Random(seed)  # noqa: S311 - reproducible, not secret
        self._stack = Stack(root)
        self._faults: dict[str, int] = {}
        try:
            self._stack.start()
            self._observer = Observer(self._stack.port)
            self._observer.await_document("camera", lambda found: found["connected"])
            assert self._observer.ask("session/start", interval=1)["success"]
        except BaseException:
            self._stack.close()
            raise

    def close(self) -> None:
        """End everything."""
        self._observer.close()
        self._stack.close()

    def run(self, seconds: float) -> Report:
        """Do it for so long; the processes must outlive it."""
        traffic = Traffic(self._observer)
        began = time.monotonic()
        before: dict[str, Size] = {}
        while (passed := time.monotonic() - began) < seconds:
            if not before and passed > WARM_UP * seconds:
                before = self._sizes()
            traffic.start()
            self._suffer()
            traffic.stop()
        wait_for(lambda: self._observer.retained.get("camera", {}).get("health") == "ok", limit=60)
        after = self._sizes()
        assert self._observer.ask("session/stop")["success"]
        session = self._observer.data("session/get")
        return Report(
            faults=self._faults,
            frames=session["frames"],
            missed=session["missed_by"],
            events=len(self._observer.events),
            duplicates=self._observer.duplicates,
            growth={name: after[name].since(before[name]) for name in before},
            problems=invariants.problems(self._stack, self._observer),
        )

    def _sizes(self) -> dict[str, Size]:
        return {each.name: Size.of(each) for each in (self._stack.service, self._stack.daemon)}

    def _suffer(self) -> None:
        """One fault, and the rest of the time without it."""
        end = time.monotonic() + EVERY
        fault = self._choice.choice(
            ("timeout", "unplug", "slow", "truncated", "broker dies", "broker freezes", "clock")
        )
        self._faults[fault] = self._faults.get(fault, 0) + 1
        stack = self._stack
        if fault == "broker dies":
            stack.broker.kill()
            stack.start_broker()
        elif fault == "broker freezes":
            stack.broker.freeze()
            time.sleep(2)  # the fault itself
            stack.broker.thaw()
        elif fault == "clock":
            stack.set_clock(self._choice.uniform(-10, 10) * DAY)
        else:
            stack.fault(fault, count=1, seconds=1.5)
        while time.monotonic() < end:
            time.sleep(0.1)  # the beat of the soak
        stack.mend()
