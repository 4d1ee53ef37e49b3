"""Giving memory back to the operating system, which the C library does not do by itself."""

import ctypes

_libc = ctypes.CDLL(None)


def trim() -> None:
    """Return free heap pages; blocks for a few milliseconds. Nothing where libc is not glibc."""
    if hasattr(_libc, "malloc_trim"):
        _libc.malloc_trim(0)
