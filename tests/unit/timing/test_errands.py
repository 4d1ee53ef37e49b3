"""Which errand comes first, and when: by time, and never in the way of a slot."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cinepi.timing.errands import Errand, earliest


def errand(due: float, takes: float = 0.0, *, has_yielded: bool = False) -> Errand:
    """One that does nothing."""
    return Errand(due, lambda: None, takes, has_yielded)


SLOT = errand(100.0)


@pytest.mark.parametrize(
    ("due", "takes", "now", "begins"),
    [
        (90.0, 3.0, 95.0, 90.0),  # late, and through before the slot
        (90.0, 3.0, 98.0, 100.0),  # late, and would reach into it
        (98.0, 3.0, 90.0, 100.0),  # an instant that lies ahead, just before the slot
        (101.0, 3.0, 90.0, 101.0),  # behind the slot
    ],
)
def test_what_would_reach_into_the_slot_takes_its_time(
    due: float, takes: float, now: float, begins: float
) -> None:
    """It follows the slot then, and the thread sleeps until that."""
    assert errand(due, takes).begins(SLOT.due, now) == begins


def test_the_slot_goes_first() -> None:
    """Also where something else has its time."""
    assert earliest(SLOT, [errand(90.0, 20.0)], 95.0) == (100.0, SLOT)


def test_who_has_yielded_once_waits_for_no_second_slot() -> None:
    """Otherwise a session of short intervals would let nobody through."""
    late = errand(90.0, 20.0, has_yielded=True)
    assert earliest(SLOT, [late], 95.0) == (90.0, late)


def test_nothing_to_do_is_nothing() -> None:
    """The thread sleeps until somebody asks."""
    assert earliest(None, [], 0.0) is None


@given(
    slot=st.floats(50, 200),
    now=st.floats(50, 200),
    others=st.lists(st.tuples(st.floats(0, 300), st.floats(0, 30)), max_size=5),
)
def test_nothing_delays_a_slot(slot: float, now: float, others: list[tuple[float, float]]) -> None:
    """Whatever waits: what begins now is through before the slot, as far as one can know."""
    found = earliest(errand(slot), [errand(due, takes) for due, takes in others], now)
    assert found is not None
    begins, first = found
    if first.due != slot and begins <= now < slot:
        assert now + first.takes <= slot
