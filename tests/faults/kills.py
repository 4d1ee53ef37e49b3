"""Rounds of kills: one program dies at one system call, is started again, and all is judged."""

import random
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults import invariants, strace
from tests.faults.observer import Observer
from tests.faults.stack import LIMIT, Program, Stack, wait_for
from tests.faults.traffic import Traffic

WINDOW = 8.0
"""Seconds of life in which a point must be reached; then the kill comes anyway."""
CALLS: dict[str, tuple[str, ...]] = {
    "service": (*strace.CHANGING, "sendto"),
    "daemon": ("write", "fsync", "rename", "sendto", "recvfrom"),
    "broker": ("write", "read", "rename", "fsync"),
}
"""Where a program is killed. What goes over a socket counts too: an answer may be said or not."""


@dataclass(frozen=True)
class Point:
    """Just before the `number`-th time that a thread of `program` makes `call`."""

    program: str
    call: str
    number: int

    def __str__(self) -> str:
        return f"{self.program} {self.call} {self.number}"


@dataclass
class Tally:
    """What a campaign has seen."""

    rounds: int = 0
    at_points: int = 0
    problems: list[str] = field(default_factory=list)
    sent_again: int = 0
    recovery: list[float] = field(default_factory=list)


class Campaign:
    """A device with a 1 s session and commands that keep coming, killed again and again."""

    def __init__(self, root: Path, *, is_persistent: bool = True) -> None:
        """Start everything and the session."""
        self.stack = Stack(root, is_persistent=is_persistent)
        self.tally = Tally()
        try:
            self.stack.start()
            self.observer = Observer(self.stack.port)
            self.traffic = Traffic(self.observer)
            self.observer.await_online()
            self.observer.await_document("camera", lambda found: found["connected"])
            started = self.observer.ask("session/start", interval=1)
            assert started["success"], started
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End everything."""
        self.stack.close()
        if hasattr(self, "observer"):
            self.observer.close()

    def run(self, point: Point) -> list[str]:
        """One round; returns what is wrong after it."""
        program: Program = getattr(self.stack, point.program)
        if program is self.stack.broker:
            program.kill()
        else:
            program.terminate()
        program.start(((point.call,), f"signal=SIGKILL:when={point.number}"))
        self.traffic.start()
        deadline = time.monotonic() + WINDOW
        while program.is_running and time.monotonic() < deadline:
            time.sleep(0.01)
        self.tally.at_points += not program.is_running
        program.kill()
        died_at = time.monotonic()
        if program is self.stack.broker:
            self.stack.start_broker()
        else:
            program.start()
        self._await_frame_after(died_at)
        self.traffic.stop()
        found = [f"{point}: {problem}" for problem in self.settle()]
        self.tally.rounds += 1
        self.tally.problems += found
        self.tally.sent_again = self.traffic.sent_again
        return found

    def settle(self) -> list[str]:
        """Let the session rest, judge everything, and let it go on."""
        self._insist("session/pause", "paused")
        found = invariants.problems(self.stack, self.observer)
        self._insist("session/resume", "active")
        return found

    def _insist(self, verb: str, state: str) -> None:
        """Give a command until it is so."""
        wait_for(
            lambda: (
                self.observer.ask(verb)["success"]
                or self.observer.data("session/get")["state"] == state
            ),
            why=f"{verb} was refused",
        )

    def _await_frame_after(self, moment: float) -> None:
        def frame() -> float | None:
            for event in reversed(list(self.observer.events.values())):
                if event["heard_at"] > moment and event.get("kind") == "frame":
                    return float(event["heard_at"])
            return None

        heard = wait_for(frame, limit=2 * LIMIT, why=self.stack.stderr)
        self.tally.recovery.append((heard or moment) - moment)


def reference(root: Path, program: str) -> list[Point]:
    """Every point that a program passes in a window of its life, counted by a run under strace."""
    campaign = Campaign(root)
    log = root / "strace.log"
    try:
        target: Program = getattr(campaign.stack, program)
        calls = CALLS[program]
        tracer = _counting(target, calls, log)
        campaign.traffic.start()
        time.sleep(WINDOW)  # the window itself
        campaign.traffic.stop()
        tracer.terminate()
        tracer.wait(LIMIT)
    finally:
        campaign.close()
    counts: Counter[tuple[str, str]] = Counter()
    for line in log.read_text(errors="replace").splitlines():
        pid, _, rest = line.partition(" ")
        counts[(pid, rest.strip().partition("(")[0])] += 1
    most: Counter[str] = Counter()
    for (_, call), count in counts.items():
        if call in calls:
            most[call] = max(most[call], count)
    return [Point(program, call, n) for call, count in most.items() for n in range(1, count + 1)]


def _counting(target: Program, calls: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    names = ",".join(f"?{name}" for name in calls)
    return subprocess.Popen(
        [
            strace.needed(),
            "-f",
            "-qq",
            "-e",
            f"trace={names}",
            "-o",
            str(log),
            "-p",
            str(target.pid),
        ],
        stderr=subprocess.DEVNULL,
    )


def sampled(program: str, seed: int) -> Iterator[Point]:
    """Points at random, low numbers more often: a start is dense with them."""
    choice = random.Random(seed)  # noqa: S311 - reproducible, not secret
    while True:
        call = choice.choice(CALLS[program])
        yield Point(program, call, int(choice.paretovariate(0.7)))
