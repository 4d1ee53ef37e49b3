"""Events that accompany something: where they cannot be written, they wait, and fail nothing."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import msgspec

from cinepi.clock import Clock
from cinepi.errors import CinepiError
from cinepi.journal.transaction import Transaction
from cinepi.logs.seldom import Seldom
from cinepi.logs.setup import logger
from cinepi.units import WallTime

MOST_OWED = 100
"""Of events that wait for a journal that cannot be written, the oldest are given up beyond this."""

_log = logger("journal")


@dataclass(frozen=True, slots=True, eq=False)
class Owed:
    """An event that happened and is not on the disk yet.

    Attributes:
        event: One of `cinepi.model.events`.
        at: When it happened.
        also: What is written with it.
    """

    event: msgspec.Struct
    at: WallTime
    also: Callable[[Transaction], None] | None

    def write(self, transaction: Transaction) -> None:
        """Write it, under the time at which it happened."""
        transaction.append(self.event, at=self.at)
        if self.also is not None:
            self.also(transaction)


class Attempts:
    """Tries to write what waits at once, and never fails."""

    def __init__(self, clock: Clock) -> None:
        """None was made."""
        self._seldom = Seldom(clock)

    def make(self, begin: Callable[[], AbstractContextManager[Transaction]]) -> None:
        """Begin and end a transaction; where that fails, the log says so once a minute."""
        try:
            with begin():
                pass
        except CinepiError as error:
            if self._seldom.is_due("owed"):
                _log.error("events are journalled later", reason=str(error))
