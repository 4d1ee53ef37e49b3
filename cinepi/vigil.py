"""Progress of the loops that a process lives by: systemd's watchdog is fed only while all turn.

The vigil is kept by a thread that does nothing else, so that it hangs on nothing that the others
hang on. A process with a loop that hangs is ended, to be started again; should even that fail,
systemd hears nothing any more and does it.
"""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from cinepi import systemd
from cinepi.clock import Clock
from cinepi.units import Seconds

PERIOD: Seconds = 1.0
TURN: Seconds = 10.0
"""A loop with nothing to do still turns this often."""
LIMIT: Seconds = 60.0
"""A loop that has not turned for so long hangs: nothing in one may take longer."""
EXIT_HANGS = 70
"""Exit code of a process of which a part hangs (EX_SOFTWARE): start it again."""
END_LIMIT: Seconds = 5.0
"""How long a process that is given up may take to note why."""


@dataclass(slots=True, eq=False)
class _Watched:
    """A loop: it has to turn; or a piece of work: it has to end."""

    name: str
    limit: Callable[[], Seconds]
    turns: Callable[[], object]
    seen: object = None
    since: Seconds = 0.0


class Vigil:
    """Watches from `start` to `stop`; every method may be called from any thread."""

    def __init__(self, clock: Clock, give_up: Callable[[str], None]) -> None:
        """Watch nothing yet.

        Args:
            clock: The time.
            give_up: Called with what hangs, in words; should end the process, see `end_soon`.
        """
        self._clock = clock
        self._give_up = give_up
        self._lock = threading.Lock()
        self._watched: list[_Watched] = []
        self._turns: dict[str, int] = {}
        self._awake: Seconds = 0.0
        self._stopped = threading.Event()

    def expect(
        self,
        name: str,
        turns: Callable[[], object] | None = None,
        limit: Callable[[], Seconds] = lambda: LIMIT,
    ) -> None:
        """Expect a loop to turn from now on.

        Args:
            name: For the log.
            turns: Tells something else after each turn; without it, `beat` is called.
            limit: The longest that a turn may take.
        """
        self._turns.setdefault(name, 0)
        self._add(_Watched(name, limit, turns or (lambda: self._turns[name])))

    def beat(self, name: str) -> None:
        """Say that a loop has turned."""
        self._turns[name] = self._turns.get(name, 0) + 1

    @contextmanager
    def work(
        self, name: str, limit: Seconds, turns: Callable[[], object] = lambda: None
    ) -> Iterator[None]:
        """Expect the block to end, or `turns` to tell something else, within `limit` seconds."""
        work = _Watched(name, lambda: limit, turns)
        self._add(work)
        try:
            yield
        finally:
            with self._lock:
                self._watched.remove(work)

    def start(self) -> None:
        """Begin to watch, in a thread of its own."""
        threading.Thread(target=self._live, name="vigil", daemon=True).start()

    def stop(self) -> None:
        """Watch no longer."""
        self._stopped.set()

    def late(self) -> list[str]:
        """What has not turned or ended in time, as the last look found it."""
        with self._lock:
            watched = list(self._watched)
        return [each.name for each in watched if self._is_late(each)]

    def look(self, passed: Seconds) -> None:
        """Look once, so many seconds after the last time."""
        self._awake += passed
        if late := self.late():
            self._give_up(f"no progress of {', '.join(late)}")
        else:
            systemd.notify("WATCHDOG=1")

    def _live(self) -> None:
        period = min(PERIOD, systemd.watchdog_period_s() or PERIOD)
        last = self._clock.monotonic()
        while not self._stopped.wait(period):
            now = self._clock.monotonic()
            try:
                # A process that was stopped for minutes has not hung for minutes: all the others
                # need a moment, too, before they can show that they turn.
                self.look(min(now - last, 2 * period))
            except Exception as error:  # noqa: BLE001 - nobody is left who would notice
                self._give_up(f"the vigil itself failed: {error!r}")
            last = now

    def _add(self, watched: _Watched) -> None:
        watched.seen = watched.turns()
        watched.since = self._awake
        with self._lock:
            self._watched.append(watched)

    def _is_late(self, watched: _Watched) -> bool:
        turns = watched.turns()
        if turns != watched.seen:
            watched.seen = turns
            watched.since = self._awake
        return self._awake - watched.since > watched.limit()


def end_soon(code: int, limit: Seconds = END_LIMIT) -> None:
    """End the process in `limit` seconds, whatever hangs: a disk may take log and journal along."""
    end = threading.Timer(limit, os._exit, (code,))
    end.name, end.daemon = "end", True
    end.start()
