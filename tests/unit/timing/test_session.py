"""The frame grid and what can happen to a session."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cinepi.model.documents import Ends
from cinepi.timing.session import Session

T0 = 1000.0


def make(**changes: object) -> Session:
    """A session of 10 s that begins at `T0`."""
    session = Session(
        id="20261123_100000_ab12",
        name=None,
        state="active",
        interval=10.0,
        ends=Ends(),
        origin=T0,
        first_due=T0,
        started_wall=1_800_000_000.0,
        opens=1_800_000_000.0,
        offset=1_800_000_000.0 - T0,
    )
    return msgspec.structs.replace(session, **changes)


def test_slots_lie_on_a_grid_for_ever() -> None:
    """A month of slots later, a slot is due to the microsecond where the grid says."""
    session = make(interval=0.1 * 10)
    assert session.due(2_592_000) == pytest.approx(T0 + 2_592_000, abs=1e-6)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (T0 - 0.001, (0, False)),
        (T0, (0, True)),
        (T0 + 4.9, (0, True)),
        (T0 + 5.1, (1, False)),
        (T0 + 10.0, (1, True)),
        (T0 + 39.0, (4, False)),
    ],
)
def test_late_slots_are_missed_and_never_bunched(now: float, expected: tuple[int, bool]) -> None:
    """A slot may be taken half an interval late; all before it are counted as missed."""
    assert make().passed(now) == expected


@given(
    interval=st.floats(1, 3600),
    steps=st.lists(st.tuples(st.floats(0, 5), st.booleans()), max_size=40),
)
def test_frames_and_missed_add_up_to_the_slots_that_were_due(
    interval: float, steps: list[tuple[float, bool]]
) -> None:
    """However late the shutter comes and whatever fails, every slot is counted once."""
    session = make(interval=interval)
    now = T0
    for intervals_later, succeeds in steps:
        now += intervals_later * interval
        gone, is_now = session.passed(now)
        session = session.with_missed(gone, "late") if gone else session
        if is_now:
            session = session.with_frame(0, 1.0) if succeeds else session.with_missed(1, "camera")
        assert session.frames + session.missed == session.slot
        assert session.due(session.slot) > now - interval


def test_paused_slots_are_not_counted_and_the_grid_keeps_its_beat() -> None:
    """After a pause the next frame has the next number, at the next point of the old grid."""
    session = make().with_frame(0, 0).paused("command").unpaused(T0 + 37.0)
    assert session.slot == 1
    assert session.due(1) == T0 + 40.0
    assert session.missed == 0


def test_a_new_interval_begins_with_the_next_frame() -> None:
    """The next frame comes when it was due, but never later than the new interval from now."""
    session = make(interval=3600.0).with_frame(0, 0)
    quicker = session.with_interval(10.0, T0 + 100.0)
    assert [quicker.due(slot) for slot in (1, 2)] == [T0 + 110.0, T0 + 120.0]
    slower = make().with_frame(0, 0).with_interval(60.0, T0 + 3.0)
    assert [slower.due(slot) for slot in (1, 2)] == [T0 + 10.0, T0 + 70.0]


def test_a_new_interval_loses_no_slot_that_has_passed() -> None:
    """They lie before the new grid's first frame, still to be counted."""
    session = make().with_frame(0, 0)
    changed = session.with_interval(60.0, T0 + 37.0)
    assert changed.passed(T0 + 37.0) == (3, False)
    assert [changed.due(slot) for slot in (4, 5)] == [T0 + 40.0, T0 + 100.0]


def test_it_ends_by_count_of_frames_taken() -> None:
    """Missed slots do not use up the count: the user gets the frames that were asked for."""
    session = make(ends=Ends(count=2)).with_missed(3, "camera").with_frame(0, 0)
    assert session.end_before_next() is None
    session = session.with_frame(0, 0)
    assert session.end_before_next() == "count"


def test_it_ends_by_duration_on_the_monotonic_clock() -> None:
    """60 s at 10 s are the slots at 0, 10, … 50."""
    session = make(ends=Ends(duration_s=60.0))
    assert session.slots_left() == 6
    assert session.with_missed(5, "late").end_before_next() is None
    assert session.with_missed(6, "late").end_before_next() == "duration"


def test_its_window_closes_at_a_time_of_day() -> None:
    """A slot that would be at that time or later does not belong to the window."""
    session = make(closes=1_800_000_060.0)
    assert session.slots_left() == 6
    assert session.with_missed(6, "late").slots_left() == 0


def test_the_grid_survives_a_reboot() -> None:
    """On a new monotonic clock every slot lies where it lay on the old one."""
    session = make().with_frame(0, 0)
    moved = session.shifted(-900.0)
    assert moved.due(1) == session.due(1) - 900.0


def test_time_off_that_shows_only_later_is_counted() -> None:
    """When the clock is set after a resume, the slots of the unknown time count as missed."""
    session = make(doubted_offset=0.0).with_frame(0, 0)
    due = session.due(session.slot)
    later = session.with_time_off(125.0)
    assert later.due(later.slot + 12) == due
    assert later.first_due == T0 - 125.0
    assert later.doubted_offset is None
    assert session.paused("command").with_time_off(125.0).origin_slot == session.origin_slot
