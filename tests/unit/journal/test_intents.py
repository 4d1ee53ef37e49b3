"""What was about to be done is forgotten once it will not be."""

from contextlib import ExitStack

import pytest

from cinepi.capture.removal import Removal
from cinepi.errors import PermissionDeniedError
from cinepi.journal import intents
from cinepi.journal.journal import Journal

REMOVAL = Removal(filenames=("cinepi_20260101_000000.jpg",), reason="command")


def test_what_could_not_be_forgotten_goes_with_the_next_transaction(journal: Journal) -> None:
    """Else a start, perhaps months later, would do what its sender was told had failed."""
    with ExitStack() as meanwhile:
        with pytest.raises(PermissionDeniedError):
            fail(journal, meanwhile)
        assert list(intents.left(journal, Removal).values()) == [REMOVAL]
    with journal.transaction():
        pass
    assert intents.left(journal, Removal) == {}


def fail(journal: Journal, meanwhile: ExitStack) -> None:
    """Begin something that fails while the journal takes no transaction."""
    with intents.declared(journal, REMOVAL):
        meanwhile.enter_context(journal.transaction())
        raise PermissionDeniedError("read-only")


def test_one_that_is_not_understood_costs_itself(journal: Journal) -> None:
    """It is left out and stays, for the newer version that wrote it; the others are found."""
    with pytest.raises(ZeroDivisionError), intents.declared(journal, REMOVAL):
        raise ZeroDivisionError
    with journal.transaction() as tx:
        tx.set_value("intent.Removal.00000000.000000", '{"filenames":"all of them"}')
    assert list(intents.left(journal, Removal).values()) == [REMOVAL]
    assert len(journal.values("intent.Removal.")) == 2
