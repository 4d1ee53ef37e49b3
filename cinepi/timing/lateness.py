"""How late the last frames were."""

from collections import deque

from cinepi.model.documents import Lateness
from cinepi.units import Milliseconds

KEPT = 512
"""Frames that the percentiles look back on."""


class LatenessWindow:
    """The newest `KEPT` latenesses of a session."""

    def __init__(self) -> None:
        """Begin with none."""
        self._recent: deque[Milliseconds] = deque(maxlen=KEPT)

    def add(self, late_ms: Milliseconds) -> None:
        """Note one frame."""
        self._recent.append(late_ms)

    def clear(self) -> None:
        """Forget all, for a new session."""
        self._recent.clear()

    def summary(self, worst_ms: Milliseconds) -> Lateness:
        """Percentiles of the window, beside the worst of the whole session."""
        ordered = sorted(self._recent)
        if not ordered:
            return Lateness(max_ms=round(worst_ms, 3))

        def percentile(part: float) -> Milliseconds:
            return round(ordered[min(len(ordered) - 1, int(part * len(ordered)))], 3)

        return Lateness(p50_ms=percentile(0.5), p95_ms=percentile(0.95), max_ms=round(worst_ms, 3))
