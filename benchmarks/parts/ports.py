"""Ports for brokers of our own."""

import socket
import sys
import time

from cinepi.units import Seconds

_LIMIT: Seconds = 20.0


def free_port() -> int:
    """A TCP port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def await_port(port: int) -> None:
    """Wait until somebody listens; ends the program where nobody does in time."""
    until = time.monotonic() + _LIMIT
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)  # between two looks
    sys.exit(f"the broker does not listen on port {port}")
