"""Units as types, for readers: each alias says what a plain number counts."""

from typing import TypeAlias

Seconds: TypeAlias = float
Milliseconds: TypeAlias = float
Microseconds: TypeAlias = int
Bytes: TypeAlias = int
WallTime: TypeAlias = float
"""Seconds since 1970-01-01 UTC, as `time.time` counts them."""
MonotonicTime: TypeAlias = float
"""Seconds on CLOCK_MONOTONIC: comparable within one boot only."""
