"""The listening socket of the service."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from cinepi import systemd
from cinepi.client import short_address
from cinepi.disk import speaking_of
from cinepi.paths import Layout

_MODE = 0o660  # the group of the service, such as the MQTT daemon's user, may connect


@contextmanager
def listen(layout: Layout) -> Iterator[socket.socket]:
    """The listening socket: systemd's, or our own in place of whatever an earlier run left.

    Raises:
        PermissionDeniedError: Somebody else's file is in its place, or its folder is; says whose.
        CinepiError: The system fails otherwise.
    """
    if passed := systemd.passed_socket():
        with passed:
            yield passed
        return
    path = layout.socket
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        with speaking_of(path, "make the socket"):
            path.unlink(missing_ok=True)
            with short_address(path) as address:
                listener.bind(address)
            path.chmod(_MODE)
        listener.listen()
        yield listener
    path.unlink(missing_ok=True)
