"""What the shutter's thread may do next, by time: it takes the earliest and sleeps until then.

Everything that the thread does is an errand with a time of its own. The slot of the session comes
first. Whatever would reach into the slot takes the slot's time for its own, and follows it. So a
thread that waits always waits for a moment that lies ahead.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from cinepi.units import MonotonicTime, Seconds


@dataclass(frozen=True, slots=True)
class Errand:
    """One thing to do in the thread that owns the camera.

    Attributes:
        due: When. It may lie in the past: then it is to be done at once.
        run: Does it.
        takes: How long it is likely to keep the camera.
        has_yielded: Whether it has let a slot go first; it yields to no second one.
    """

    due: MonotonicTime
    run: Callable[[], None] = field(compare=False)
    takes: Seconds = 0.0
    has_yielded: bool = False

    def begins(self, slot: MonotonicTime | None, now: MonotonicTime) -> MonotonicTime:
        """When it is done, given when the next slot is due."""
        if slot is None or self.has_yielded or self.due > slot:
            return self.due
        # An errand that is late begins now, and has to be through before the slot.
        is_in_the_way = max(self.due, now) + self.takes > slot
        return slot if is_in_the_way else self.due


def earliest(
    slot: Errand | None, others: Iterable[Errand], now: MonotonicTime
) -> tuple[MonotonicTime, Errand] | None:
    """The errand that is done first, and when; None where there is none.

    Of those that begin in the same moment the slot goes first, and then the order of `others`.
    """
    slot_due = None if slot is None else slot.due
    begun = [(errand.begins(slot_due, now), errand) for errand in others]
    if slot is not None:
        begun.insert(0, (slot.due, slot))
    return min(begun, key=lambda each: each[0], default=None)
