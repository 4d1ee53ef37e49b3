"""One process of a kind below one root."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cinepi.disk import speaking_of
from cinepi.errors import ConflictError
from cinepi.units import Seconds

PREDECESSOR_LIMIT: Seconds = 5.0
"""One that leaves, or was killed, may be at its last write; so long is waited for it to go."""

_PERIOD: Seconds = 0.05


@contextmanager
def only_one(path: Path, what: str) -> Iterator[None]:
    """Hold the lock of a folder while the block runs; the kernel frees it at any end.

    Args:
        path: Of the folder, which must be there.
        what: Who holds it, for the error.

    Raises:
        ConflictError: Another process holds it, and has not ended within `PREDECESSOR_LIMIT`.
        PermissionDeniedError: The folder is somebody else's; says whose.
    """
    deadline = time.monotonic() + PREDECESSOR_LIMIT
    with speaking_of(path, "use"):
        descriptor = os.open(path, os.O_RDONLY)
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() >= deadline:
                    raise ConflictError(f"{what} is running already") from error
            time.sleep(_PERIOD)
        yield
    finally:
        os.close(descriptor)
