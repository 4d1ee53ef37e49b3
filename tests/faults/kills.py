"""Rounds of kills: one program dies again and again, is started again, and all is judged."""

import random
import signal
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults import invariants, strace, troubles
from tests.faults.observer import Observer
from tests.faults.points import CALLS, WINDOW, Point, counted
from tests.faults.stack import LIMIT, Program, Stack, wait_for
from tests.faults.traffic import Traffic

KILLED = -signal.SIGKILL


@dataclass
class Tally:
    """What came of a round, or of many."""

    rounds: int = 0
    kills: int = 0
    at_calls: int = 0
    left: int = 0
    recovery: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


class Campaign:
    """A device with a 1 s session and commands that keep coming, killed again and again."""

    def __init__(self, root: Path, *, is_persistent: bool = True, seed: int = 0) -> None:
        """Start everything and the session."""
        self.stack = Stack(root, is_persistent=is_persistent)
        self._choice = random.Random(seed)  # noqa: S311 - reproducible, not secret
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

    def run(
        self, points: Sequence[Point], trouble: str | None = None, window: float = WINDOW
    ) -> Tally:
        """One round: a program dies at any instant, then at each of its points, then all is judged.

        Args:
            points: Of one program.
            trouble: What else goes wrong meanwhile, one of `troubles.TROUBLES`.
            window: Seconds of life in which a point must be reached; then the kill comes anyway.
        """
        tally = Tally(rounds=1)
        victim: Program = getattr(self.stack, points[0].program)
        self.traffic.start()
        try:
            with troubles.suffering(trouble, self.stack, self._choice):
                self._live(victim, self._choice.uniform(0, WINDOW / 2))
                self._kill(victim, tally)
                for point in points:
                    victim.start(point.tracer)
                    self._live(victim, window)
                    self._kill(victim, tally)
            died_at = time.monotonic()
            self._start(victim)
            recovery = self.await_frame_after(died_at)
            if trouble is None:
                tally.recovery.append(recovery)
        finally:
            self.traffic.stop()
        tally.problems = self.settle()
        return tally

    def settle(self) -> list[str]:
        """Let the session rest, judge everything, and let it go on."""
        self._insist("session/pause", "paused")
        found = invariants.problems(self.stack, self.observer)
        self._insist("session/resume", "active")
        return found

    def _live(self, victim: Program, seconds: float) -> None:
        """Let so much time pass, or less where the program ends before."""
        deadline = time.monotonic() + seconds
        while victim.is_running and time.monotonic() < deadline:
            self._supervise(victim)
            time.sleep(0.01)  # the poll of a deadline

    def _supervise(self, victim: Program | None = None) -> None:
        """Start whatever has left by itself, as systemd does."""
        for program in self.stack.programs:
            if program is not victim and not program.is_running:
                self._start(program)

    def _start(self, program: Program) -> None:
        if program is self.stack.broker:
            self.stack.start_broker()
        else:
            program.start()

    def _kill(self, victim: Program, tally: Tally) -> None:
        """End it, if the point has not been reached, and count how it ended."""
        was_running = victim.is_running
        victim.kill()
        has_left = not was_running and victim.exit_code != KILLED
        tally.left += has_left
        tally.kills += not has_left
        tally.at_calls += not was_running and not has_left

    def _insist(self, verb: str, state: str) -> None:
        """Give a command until it is so."""
        wait_for(
            lambda: (
                self.observer.ask(verb)["success"]
                or self.observer.data("session/get")["state"] == state
            ),
            why=f"{verb} was refused",
        )

    def await_frame_after(self, moment: float) -> float:
        """Seconds from a moment until a picture was heard of that came after it."""

        def frame() -> float | None:
            self._supervise()
            pictures = self.observer.of_type("capture_stored")
            times = (e["heard_at"] for e in reversed(pictures) if e["kind"] == "frame")
            return next((float(at) for at in times if at > moment), None)

        heard = wait_for(frame, limit=2 * LIMIT, why=self.stack.stderr)
        return (heard or moment) - moment


def reference(program: str) -> tuple[list[Point], float]:
    """Every point that a program passes from its start to the end of a window, and how long it was.

    The window begins when a picture is heard of again.
    """
    with tempfile.TemporaryDirectory() as root:
        campaign = Campaign(Path(root))
        log = Path(root) / "strace.log"
        try:
            target: Program = getattr(campaign.stack, program)
            target.kill()
            began = time.monotonic()
            target.start(strace.recording(CALLS[program], log))
            campaign.traffic.start()
            campaign.await_frame_after(began)
            time.sleep(WINDOW)  # the window itself
            seconds = time.monotonic() - began
            target.kill()
            return counted(program, log), seconds
        finally:
            campaign.close()
