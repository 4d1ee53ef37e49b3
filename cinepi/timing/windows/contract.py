"""What a kind of windows must do: name the intervals of the wall clock in which slots lie."""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from cinepi.units import WallTime


class Window(NamedTuple):
    """An interval of the wall clock. Its first slot is due in the moment in which it opens.

    Attributes:
        opens: The first moment that belongs to it.
        closes: The first moment after it; a slot due then is none of its. None is never.
    """

    opens: WallTime
    closes: WallTime | None


class Windows(msgspec.Struct, frozen=True, kw_only=True):
    """The windows of a session or a plan, as a value that is saved with it.

    The windows of one rule do not overlap.
    """

    def after(self, wall: WallTime) -> Iterator[Window]:
        """Yield the windows that close after `wall`, the earliest first; pure, and never raises.

        The first of them may have opened long ago. The iterator may be endless, so each step has
        to cost little: a session that was without power for a year asks for all windows of it.
        """
        raise NotImplementedError
