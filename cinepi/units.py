"""Units as types, for readers: each alias says what a plain number counts; and how to say it."""

from typing import TypeAlias

Seconds: TypeAlias = float
Milliseconds: TypeAlias = float
Microseconds: TypeAlias = int
Stops: TypeAlias = float
"""One more is twice as much light."""
Bytes: TypeAlias = int
MEGABYTE: Bytes = 1_000_000
WallTime: TypeAlias = float
"""Seconds since 1970-01-01 UTC, as `time.time` counts them."""
MonotonicTime: TypeAlias = float
"""Seconds on CLOCK_MONOTONIC: comparable within one boot only."""


def counted(number: int, noun: str) -> str:
    """A number of things in words: `1 frame`, `2 frames`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def sized(size: Bytes) -> str:
    """The size of a file in words: `2.1 MB`, `80 kB`."""
    return f"{size / MEGABYTE:.1f} MB" if size >= MEGABYTE else f"{size / 1e3:.0f} kB"
