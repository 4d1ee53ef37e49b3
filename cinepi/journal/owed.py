"""Events that accompany something: where they cannot be written, they wait, and fail nothing."""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from cinepi.journal.transaction import Transaction
from cinepi.units import WallTime

MOST_OWED = 100
"""Of events that wait for a journal that cannot be written, the oldest are given up beyond this."""


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
