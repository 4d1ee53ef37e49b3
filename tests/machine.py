"""What tests ask of the machine that they run on."""

import fcntl
import os
import random
import socket
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

_PORTS = range(10_000, 32_000)
"""Below those that a kernel gives to outgoing connections: from 32768 on, unless it was told so."""


def free_port() -> int:
    """A TCP port that nobody listens on, and that no other test gets.

    Tests run beside each other, and between the choice of a port and the start of a broker, or
    while a broker is away, anybody could come in between. So the kernel is not asked for a port: it
    would give the same one to the next who connects to something. And each port that is given stays
    marked until this process ends: byte 12345 of a file is locked for port 12345.
    """
    marks = _marks()
    while True:
        port = random.choice(_PORTS)  # noqa: S311 - nothing is secret
        if port in _given:
            continue
        with suppress(OSError), socket.socket() as probe:
            fcntl.lockf(marks, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
            _given.add(port)
            probe.bind(("127.0.0.1", port))
            return port


_given: set[int] = set()
"""A process may lock again what it has locked, so that it must remember by itself."""


@cache
def _marks() -> int:
    """A file, one for each user; open until the process ends, which is when its locks go."""
    path = Path(tempfile.gettempdir()) / f"cinepi-tests-{os.getuid()}.ports"
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)


def resident_mb() -> float:
    """Memory of this process, in megabytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
