"""Memory of the C library: no more of it than needed, and back to the system what is free."""

import ctypes

_libc = ctypes.CDLL(None)
_M_ARENA_MAX = -8  # malloc.h


def share() -> None:
    """Let all threads allocate from one heap; for the start, before there are any.

    glibc gives each thread its own, up to eight for each core, and none of them gives back what
    the others could use: 2 MB more after seven minutes with a picture a second, and growing.
    Nothing where libc is not glibc.
    """
    if hasattr(_libc, "mallopt"):
        _libc.mallopt(_M_ARENA_MAX, 1)


def trim() -> None:
    """Return free heap pages; blocks for a few milliseconds. Nothing where libc is not glibc."""
    if hasattr(_libc, "malloc_trim"):
        _libc.malloc_trim(0)
