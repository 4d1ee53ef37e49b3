"""Events that accompany something never fail it."""

from collections.abc import Callable

import pytest

from cinepi.journal.journal import Journal
from cinepi.journal.owed import MOST_OWED
from cinepi.journal.transaction import Transaction
from cinepi.model.events import CameraLost


def lost(number: int) -> CameraLost:
    """An event that can be told from others."""
    return CameraLost(message=str(number), rung="reopen")


def test_event_is_on_the_disk_at_once(journal: Journal) -> None:
    """Where nothing is wrong, it is an event like any other, with what belongs to it."""
    journal.tell(lost(1), lambda tx: tx.set_value("camera", "gone"))
    assert journal.last_seq == 1
    assert journal.value("camera") == "gone"


def test_event_that_cannot_be_written_is_written_with_the_next(journal: Journal) -> None:
    """It precedes what comes later, and is told once."""
    heard: list[int] = []
    journal.on_append(heard.append)
    with journal.transaction():
        journal.tell(lost(1), lambda tx: tx.set_value("camera", "gone"))
    assert journal.last_seq == 0
    with journal.transaction() as tx:
        tx.append(lost(2))
    journal.tell(lost(3))
    assert [entry.seq for entry in journal.events(0, 10).events] == [1, 2, 3]
    assert journal.value("camera") == "gone"
    assert heard == [2, 3]


def test_event_outlives_a_transaction_that_fails(journal: Journal) -> None:
    """What is undone was not told."""

    def fail(tx: Transaction) -> None:
        tx.append(lost(2))
        raise ValueError

    with journal.transaction():
        journal.tell(lost(1))
    with pytest.raises(ValueError), journal.transaction() as tx:  # noqa: PT011 - any will do
        fail(tx)
    journal.tell(lost(3))
    assert journal.last_seq == 2


def test_events_that_wait_are_bounded_and_survive_a_stop(
    reopen: Callable[..., Journal],
) -> None:
    """The newest are kept, and a stop writes them."""
    journal = reopen()
    with journal.transaction():
        for number in range(MOST_OWED + 5):
            journal.tell(lost(number))
    assert journal.last_seq == 0
    again = reopen()
    assert again.last_seq == MOST_OWED
