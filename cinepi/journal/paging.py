"""How much of a list is handed over at once: whatever others make long, an answer stays short."""

from collections.abc import Iterable

from cinepi.units import Bytes

PAGE_BYTES: Bytes = 1024 * 1024
"""Of one page, nearly: a quarter of the longest message on the socket (`cinepi.envelope`)."""


def last_fitting(weights: Iterable[tuple[int, Bytes]]) -> int | None:
    """Find where a page ends.

    Args:
        weights: The key of each row in its order, and what the row weighs.

    Returns:
        The last key of those that fit together. The first always does, so that a reader goes on
        behind it. None where there is no row.
    """
    last, room = None, PAGE_BYTES
    for key, weight in weights:
        room -= weight
        if room < 0 and last is not None:
            break
        last = key
    return last
