"""Progress of the daemon's loops, told to the vigil."""

import asyncio
from contextlib import AbstractContextManager, suppress

from cinepi.units import Seconds
from cinepi.vigil import TURN, Vigil


class Pulse:
    """Where the loops say that they turn."""

    def __init__(self, vigil: Vigil) -> None:
        """Tell `vigil`."""
        self._vigil = vigil

    def beat(self, loop: str) -> None:
        """Say that a loop has turned."""
        self._vigil.beat(loop)

    def work(self, name: str, limit: Seconds) -> AbstractContextManager[None]:
        """Expect the block to end within `limit` seconds."""
        return self._vigil.work(name, limit)

    async def rest(self, loop: str, until: asyncio.Event, longest: Seconds = TURN) -> bool:
        """Wait for `until`, for at most `longest` seconds, and beat; True if it is set."""
        self.beat(loop)
        with suppress(TimeoutError):
            async with asyncio.timeout(longest):
                await until.wait()
        self.beat(loop)
        return until.is_set()
