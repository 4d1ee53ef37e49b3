"""A long run with random faults that no process has to die of: memory, files and threads stay.

`python -m tests.faults.soak --minutes 60` runs it alone, and draws how the memory went.
"""

import argparse
import random
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass
from itertools import pairwise
from pathlib import Path

import psutil

from tests.faults import invariants
from tests.faults.observer import Observer
from tests.faults.stack import Program, Stack, wait_for
from tests.faults.traffic import Traffic

EVERY = 10.0
"""Seconds from fault to fault."""
WARM_UP = 0.5
"""Part of the run after which everything that is remembered has its full size."""
LONGEST_WARM_UP = 660.0
"""Commands are remembered for ten minutes, and nothing for longer."""
MOST_GROWTH = 2.0
"""Megabytes that a process may take more at the end than when it was warm."""
SAMPLED_EVERY = 5.0
LOOKS = 20
DAY = 86_400
BARS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class Size:
    """What a process takes."""

    rss: int
    fds: int
    threads: int

    @classmethod
    def of(cls, program: Program) -> "Size":
        """Measure it now."""
        process = psutil.Process(program.pid)
        return cls(process.memory_info().rss, process.num_fds(), process.num_threads())

    @classmethod
    def at_rest(cls, program: Program) -> "Size":
        """The least of a second: a frame that is being written takes memory and a descriptor."""
        sizes = []
        for _ in range(LOOKS):
            sizes.append(cls.of(program))
            time.sleep(1.0 / LOOKS)  # the beat of the looks
        return cls(*(min(column) for column in zip(*map(astuple, sizes), strict=True)))

    def since(self, before: "Size") -> str:
        """In words, what was added."""
        megabytes = (self.rss - before.rss) / 1024 / 1024
        return (
            f"{megabytes:+.2f} MB (to {self.rss / 1024 / 1024:.0f}), "
            f"{self.fds - before.fds:+d} descriptors, {self.threads - before.threads:+d} threads"
        )

    def excess(self, before: "Size", name: str) -> Iterator[str]:
        """What was added that should not have been, in words."""
        megabytes = (self.rss - before.rss) / 1024 / 1024
        if megabytes > MOST_GROWTH:
            yield f"the {name} grew by {megabytes:.2f} MB"
        if self.fds > before.fds:
            yield f"the {name} has {self.fds - before.fds} descriptors more"
        if self.threads > before.threads:
            yield f"the {name} has {self.threads - before.threads} threads more"


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
    samples: dict[str, list[float]]


class Soak:
    """A device with a 1 s session, commands, and a fault every few seconds."""

    def __init__(self, root: Path, *, seed: int) -> None:
        """Start everything."""
        self._choice = random.Random(seed)  # noqa: S311 - reproducible, not secret
        self._stack = Stack(root)
        self._faults: dict[str, int] = {}
        self._samples: dict[str, list[float]] = {"service": [], "daemon": []}
        self._ended = threading.Event()
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
        self._ended.set()
        self._observer.close()
        self._stack.close()

    def run(self, seconds: float) -> Report:
        """Do it for so long; the processes must outlive it."""
        traffic = Traffic(self._observer)
        began = time.monotonic()
        before: dict[str, Size] = {}
        threading.Thread(target=self._sample, name="samples", daemon=True).start()
        warm_after = min(WARM_UP * seconds, LONGEST_WARM_UP)
        while (passed := time.monotonic() - began) < seconds:
            if not before and passed > warm_after:
                before = self._sizes(Size.at_rest)
            traffic.start()
            self._suffer()
            traffic.stop()
        wait_for(lambda: self._observer.retained.get("camera", {}).get("health") == "ok", limit=60)
        after = self._sizes(Size.at_rest)
        self._ended.set()
        assert self._observer.ask("session/stop")["success"]
        session = self._observer.data("session/get")
        return Report(
            faults=self._faults,
            frames=session["frames"],
            missed=session["missed_by"],
            events=len(self._observer.events),
            duplicates=self._observer.duplicates,
            growth={name: after[name].since(before[name]) for name in before},
            problems=[
                *invariants.problems(self._stack, self._observer),
                *(each for name in before for each in after[name].excess(before[name], name)),
            ],
            samples=self._samples,
        )

    def _sample(self) -> None:
        """Note the memory of both, in MB, until the end."""
        while not self._ended.wait(SAMPLED_EVERY):
            for name, size in self._sizes(Size.of).items():
                self._samples[name].append(round(size.rss / 1024 / 1024, 2))

    def _sizes(self, measure: Callable[[Program], Size]) -> dict[str, Size]:
        return {each.name: measure(each) for each in (self._stack.service, self._stack.daemon)}

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


def drawn(samples: Sequence[float], width: int = 60) -> str:
    """A line of bars, from the smallest to the largest of the samples, and what these are."""
    if not samples:
        return "no samples"
    edges = [round(place * len(samples) / width) for place in range(width + 1)]
    means = [sum(samples[a:b]) / (b - a) for a, b in pairwise(edges) if b > a]
    low, high = min(means), max(means)
    scale = (len(BARS) - 1) / (high - low or 1)
    bars = "".join(BARS[round((mean - low) * scale)] for mean in means)
    return f"{low:.1f} MB {bars} {high:.1f} MB"


def main() -> int:
    """Run it; 1 if something grew or was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soak-") as root:
        soak = Soak(Path(root), seed=options.seed)
        try:
            report = soak.run(60 * options.minutes)
        finally:
            soak.close()
    print(f"{options.minutes:g} minutes at 1 s: {report.frames} frames, missed {report.missed},")
    print(f"{report.events} events, {report.duplicates} of them twice; faults {report.faults}")
    for name, growth in report.growth.items():
        print(f"{name:8} since it was warm: {growth}")
        print(f"{'':8} {drawn(report.samples[name])}")
    for problem in report.problems:
        print(f"PROBLEM: {problem}")
    return 1 if report.problems else 0


if __name__ == "__main__":
    raise SystemExit(main())
