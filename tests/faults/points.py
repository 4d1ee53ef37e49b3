"""Where a program can be killed: at the n-th system call of a kind, counted from its start."""

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.faults import strace

WINDOW = 3.0
"""Seconds of a life, once it has begun, in which points lie: every command once."""
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

    @property
    def tracer(self) -> list[str]:
        """What to start the program with, so that it dies there."""
        return strace.injection((self.call,), f"signal=SIGKILL:when={self.number}")


class Points:
    """All points of a program in an order of its own, each once before any comes again."""

    def __init__(self, points: Iterable[Point], tried: set[str], choice: random.Random) -> None:
        """Begin with those that are not in `tried`, to which each adds itself as text."""
        self._points = tuple(points)
        self._tried = tried
        self._choice = choice

    def next(self) -> Point:
        """One of them; each kind of call is as likely as any other, however often it is made."""
        left = [point for point in self._points if str(point) not in self._tried]
        if not left:
            self._tried.clear()
            left = list(self._points)
        call = self._choice.choice(sorted({point.call for point in left}))
        point = self._choice.choice([point for point in left if point.call == call])
        self._tried.add(str(point))
        return point


def counted(program: str, log: Path) -> list[Point]:
    """Every point that `strace.recording` saw a program pass."""
    each_thread: Counter[tuple[str, str]] = Counter()
    for line in log.read_text(errors="replace").splitlines():
        thread, _, rest = line.partition(" ")
        each_thread[thread, rest.strip().partition("(")[0]] += 1
    most: Counter[str] = Counter()
    for (_, call), count in each_thread.items():
        if call in CALLS[program]:
            most[call] = max(most[call], count)
    return [Point(program, call, n) for call, count in most.items() for n in range(1, count + 1)]
