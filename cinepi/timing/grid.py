"""The grid: absolute deadlines on the monotonic clock, one for each slot, without drift.

Slot *n* is due at `origin + (n - origin_slot) × interval`. For example, a session of 10 s began at
1000 s with slot 0 (`origin` 1000, `origin_slot` 0); it was paused at 1023 s and goes on at 1067 s.
Slots 0, 1 and 2 were due at 1000, 1010 and 1020; the next point of the grid is 1070 s, and that is
where slot 3 is due now (`origin` 1070, `origin_slot` 3): slots of a pause have no number.
"""

import math
from typing import Final, NamedTuple

from cinepi.units import MonotonicTime, Seconds

TAKEABLE: Final = 0.5
"""A slot may be taken this part of an interval late; later it is missed, so none are bunched."""

EPSILON: Final[Seconds] = 1e-6
"""Sums of floats: a slot that is due this much later is due now."""


class Passed(NamedTuple):
    """What time has done to the slots from a certain one on.

    Attributes:
        gone: So many can not be taken any more.
        is_next_due: Whether the one behind them is to be taken now.
    """

    gone: int
    is_next_due: bool


def passed(due: MonotonicTime, interval: Seconds, now: MonotonicTime) -> Passed:
    """What has become by `now` of the slots of which the first is due at `due`."""
    behind = now - due + EPSILON
    if behind < 0:
        return Passed(0, is_next_due=False)
    gone = int(behind // interval)
    is_in_time = behind - gone * interval <= interval * TAKEABLE
    return Passed(gone, is_next_due=True) if is_in_time else Passed(gone + 1, is_next_due=False)


def next_point(due: MonotonicTime, interval: Seconds, now: MonotonicTime) -> MonotonicTime:
    """The first point of the grid through `due` that is neither before `due` nor before `now`."""
    if due >= now:
        return due
    return due + math.ceil((now - due) / interval - EPSILON) * interval


def points_before(first: float, interval: Seconds, end: float) -> int:
    """How many points of a grid that begins at `first` lie before `end`."""
    return max(0, math.ceil((end - first - EPSILON) / interval))
