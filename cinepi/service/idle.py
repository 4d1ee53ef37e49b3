"""A service that was started for one command leaves when nobody needs it any more."""

from collections.abc import Callable
from dataclasses import dataclass

from cinepi.service.server import Server
from cinepi.timing.keeper import SessionKeeper
from cinepi.units import MonotonicTime, Seconds


@dataclass(frozen=True, slots=True)
class Idle:
    """Whether the service may leave by itself.

    Attributes:
        keeper: A session that runs keeps it here.
        server: So does a client.
        limit: How long it stays after the last of them; None for ever.
        leave: Called when it is over.
    """

    keeper: SessionKeeper
    server: Server
    limit: Seconds | None
    leave: Callable[[], None]

    def is_over(self, now: MonotonicTime) -> bool:
        """Whether nobody has needed the service for long enough."""
        if self.limit is None or self.keeper.running is not None:
            return False
        return not self.server.connections and now - self.server.last_used > self.limit
