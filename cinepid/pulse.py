"""Progress of the loops that must live: the watchdog is fed only while every one of them turns."""

import asyncio
from contextlib import suppress

from cinepi.clock import Clock
from cinepi.units import MonotonicTime, Seconds

TURN: Seconds = 10.0
"""A loop with nothing to do still turns this often."""
LIMIT: Seconds = 60.0
"""A loop that has not turned for so long hangs: nothing in one may take longer."""


class Pulse:
    """When each loop last turned."""

    def __init__(self, clock: Clock) -> None:
        """Start without loops; a loop joins with its first `beat`."""
        self._clock = clock
        self._beats: dict[str, MonotonicTime] = {}

    def beat(self, loop: str) -> None:
        """Say that a loop has turned."""
        self._beats[loop] = self._clock.monotonic()

    def stopped(self) -> tuple[str, ...]:
        """The loops that have not turned in time."""
        now = self._clock.monotonic()
        return tuple(loop for loop, beat in self._beats.items() if now - beat > LIMIT)

    async def rest(self, loop: str, until: asyncio.Event, longest: Seconds = TURN) -> bool:
        """Wait for `until`, for at most `longest` seconds, and beat; True if it is set."""
        self.beat(loop)
        with suppress(TimeoutError):
            async with asyncio.timeout(longest):
                await until.wait()
        self.beat(loop)
        return until.is_set()
