"""One window: from the start of a session to its `until`, or for ever."""

from collections.abc import Iterator

from cinepi.timing.windows.contract import Window, Windows
from cinepi.units import WallTime


class Rule(Windows, frozen=True):
    """What `start_at` and `until` ask for.

    Attributes:
        opens: When the first slot is due.
        closes: The first moment in which no slot is due any more; None is never.
    """

    opens: WallTime
    closes: WallTime | None = None

    def after(self, wall: WallTime) -> Iterator[Window]:
        """Yield the one window, unless it has closed."""
        if self.closes is None or self.closes > wall:
            yield Window(self.opens, self.closes)
