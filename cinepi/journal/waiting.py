"""What waits for the next transaction: it is not worth one of its own, or the disk refused it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import msgspec

from cinepi.journal import requests
from cinepi.journal.database import Work
from cinepi.journal.owed import MOST_OWED, Owed
from cinepi.journal.transaction import Transaction
from cinepi.units import WallTime


@dataclass(frozen=True, slots=True)
class Waiting:
    """Four kinds of things, which a power cut may cost.

    Attributes:
        answered: Ids of commands whose senders have the answers.
        stale: Keys of values that are to be forgotten.
        read: How far readers have got, by name.
        owed: Events that could not be written, in their order.
    """

    answered: frozenset[str] = frozenset()
    stale: frozenset[str] = frozenset()
    read: Mapping[str, int] = field(default_factory=dict)
    owed: tuple[Owed, ...] = ()

    def write(self, work: Work, transaction: Transaction) -> None:
        """Write all of it."""
        requests.mark(work, self.answered)
        transaction.drop_values(self.stale)
        for name, seq in self.read.items():
            transaction.advance(name, seq)
        for owed in self.owed:
            owed.write(transaction)

    def with_event(
        self, event: msgspec.Struct, at: WallTime, also: Callable[[Transaction], None] | None
    ) -> "Waiting":
        """The same and one more event; where too many wait, the oldest are given up."""
        return replace(self, owed=(*self.owed, Owed(event, at, also))[-MOST_OWED:])

    def without(self, written: "Waiting") -> "Waiting":
        """What has come since `written` was all that waited."""
        return Waiting(
            answered=self.answered - written.answered,
            stale=self.stale - written.stale,
            read={name: seq for name, seq in self.read.items() if seq != written.read.get(name)},
            owed=tuple(owed for owed in self.owed if owed not in written.owed),
        )
