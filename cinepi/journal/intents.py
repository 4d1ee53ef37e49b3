"""What is about to be done to files: after a crash, the next start finds it and ends it.

Files and database cannot change in one step. A command whose effect is a file says first, durably,
what it will do; the entry goes in the transaction that records the effect. A start that finds one
knows what was asked, by whom, and what the answer was to be.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import msgspec

from cinepi.errors import CinepiError
from cinepi.journal.journal import Journal, Transaction
from cinepi.journal.net import understood
from cinepi.logs.setup import logger

IntentT = TypeVar("IntentT", bound=msgspec.Struct)

_log = logger("journal")


@contextmanager
def declared(journal: Journal, *intents: msgspec.Struct) -> Iterator[tuple[str, ...]]:
    """Remember on the disk what the block will do; forgotten where it fails with an error of ours.

    Yields a key for each step, for `fulfil`, which belongs in the transaction that ends the step.

    Raises:
        CinepiError: As `Journal.transaction` does; then nothing is remembered, nor begun.
    """
    name = os.urandom(4).hex()
    steps = {f"{_prefix(type(one))}{name}.{step:06}": one for step, one in enumerate(intents)}
    with journal.transaction() as tx:
        for key, intent in steps.items():
            tx.set_value(key, msgspec.json.encode(intent).decode())
    try:
        yield tuple(steps)
    except CinepiError:
        forget(journal, *steps)
        raise


def fulfil(tx: Transaction, key: str) -> None:
    """It is done."""
    tx.drop_values((key,))


def forget(journal: Journal, *keys: str) -> None:
    """It will not be done. Where that cannot be written now, it goes with the next transaction."""
    try:
        with journal.transaction() as tx:
            tx.drop_values(keys)
    except CinepiError as error:
        _log.warning("intents stay for now", keys=keys, reason=str(error))
        journal.drop_later(keys)


def left(journal: Journal, kind: type[IntentT]) -> dict[str, IntentT]:
    """What earlier runs had in mind and did not end, by key; steps in their order.

    One that is not understood is left out and stays where it is, for the version that wrote it.
    """
    found = sorted(journal.values(_prefix(kind)).items())
    intents = {key: understood(value, kind, f"the intent {key}") for key, value in found}
    return {key: intent for key, intent in intents.items() if intent is not None}


def _prefix(kind: type[msgspec.Struct]) -> str:
    return f"intent.{kind.__name__}."
