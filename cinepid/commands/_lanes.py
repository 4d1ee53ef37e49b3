"""Commands on one thing run one after the other, in the order in which they came."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from cinepi.errors import BusyError

LENGTH = 32
"""So many commands of one lane may run and wait; the next is told that it is busy."""


class Lanes:
    """One queue for each lane; commands without a lane run side by side in `LENGTH` places."""

    def __init__(self) -> None:
        """Start with empty lanes."""
        self._locks: dict[str, asyncio.Lock] = {}
        self._occupied: dict[str | None, int] = {}

    @asynccontextmanager
    async def place(self, lane: str | None) -> AsyncIterator[None]:
        """Wait for one's turn, and hold it.

        Raises:
            BusyError: The lane is full.
        """
        if self._occupied.get(lane, 0) >= LENGTH:
            what = f"{LENGTH} commands for the {lane}" if lane else f"{LENGTH} questions"
            raise BusyError(f"{what} are waiting already; try again later")
        self._occupied[lane] = self._occupied.get(lane, 0) + 1
        try:
            if lane is None:
                yield
            else:
                async with self._locks.setdefault(lane, asyncio.Lock()):
                    yield
        finally:
            self._occupied[lane] -= 1
