"""Which broker the demo runs: mosquitto where there is one, else iotcore, on loopback only."""

import os
import shutil
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from cinepi.errors import CinepiError, ConflictError, InvalidArgumentError, NotSupportedError

HOST = "127.0.0.1"
USUAL_PORT = 1883

_NEARBY_PORTS = range(USUAL_PORT + 1, USUAL_PORT + 17)
_LAST_PORT = 65535
_LARGEST_PAYLOAD = 16 * 1024 * 1024  # a full picture, in one message

_MOSQUITTO = """\
listener {port} {host}
allow_anonymous true
persistence false
set_tcp_nodelay true
log_dest stderr
log_type error
log_type warning
"""

# iotcore speaks MQTT 3.1.1 and MQTT 5 on a port each.
_IOTCORE_LISTENER = """
[{version}.1]
name = "{version}"
listen = "{host}:{port}"
next_connection_delay_ms = 1
[{version}.1.connections]
connection_timeout_ms = 10000
max_payload_size = {payload}
max_inflight_count = 200
dynamic_filters = true
"""
_IOTCORE = """\
id = 0
[router]
id = 0
max_connections = 100
max_outgoing_packet_count = 200
max_segment_size = 104857600
max_segment_count = 4
"""


class LocalBroker(NamedTuple):
    """A broker, ready to be started.

    Attributes:
        name: For people.
        command: The program and its arguments.
        port: Where any client connects.
        port_5: Where a client connects that wants MQTT 5; mostly the same.
    """

    name: str
    command: Sequence[str]
    port: int
    port_5: int


def choose(folder: Path, port: int | None, path: str | None = None) -> LocalBroker:
    """Choose broker and port, and write the broker's configuration into `folder`.

    Args:
        folder: Must exist.
        port: The one that must be used; None prefers 1883 and takes another if that is busy.
        path: Folders to look for mosquitto in; None is where a system has it.

    Raises:
        ConflictError: Something listens on `port` already.
        InvalidArgumentError: `port` is none.
        NotSupportedError: There is neither mosquitto nor iotcore.
    """
    if port is None:
        port = next(free for free in _candidates() if is_free(free))
    elif not 1 <= port <= _LAST_PORT:
        raise InvalidArgumentError(f"port must be between 1 and {_LAST_PORT}, not {port}")
    elif not is_free(port):
        raise ConflictError(
            f"port {port} is in use by another program, perhaps a broker; "
            f"choose another with --port, or leave --port away to have one chosen"
        )
    if mosquitto := find_mosquitto(path):
        return _mosquitto(mosquitto, folder, port)
    if find_spec("iotcore"):
        return _iotcore(folder, port)
    raise NotSupportedError(
        "there is no broker: install mosquitto (on Debian: apt install mosquitto), "
        "or iotcore with pip"
    )


def find_mosquitto(path: str | None = None) -> str | None:
    """The program, also where Debian keeps it and plain users do not look."""
    return shutil.which(
        "mosquitto", path=path or f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin"
    )


def is_free(port: int) -> bool:
    """Whether nothing listens on `port` of the loopback interface."""
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen()
        except PermissionError as error:
            raise CinepiError(
                f"port {port} is not for plain users; choose one from 1024"
            ) from error
        except OSError:
            return False
    return True


def _candidates() -> Iterator[int]:
    yield USUAL_PORT
    yield from _NEARBY_PORTS
    yield _any_port()


def _any_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _mosquitto(program: str, folder: Path, port: int) -> LocalBroker:
    config = folder / "mosquitto.conf"
    text = _MOSQUITTO.format(host=HOST, port=port)
    if os.geteuid() == 0:  # a change of user would untie it from the demo, see child.py
        text += "user root\n"
    config.write_text(text)
    return LocalBroker("mosquitto", (program, "-c", str(config)), port, port)


def _iotcore(folder: Path, port: int) -> LocalBroker:
    port_5 = _any_port()
    config = folder / "iotcore.toml"
    listeners = (
        _IOTCORE_LISTENER.format(version=version, host=HOST, port=number, payload=_LARGEST_PAYLOAD)
        for version, number in (("v4", port), ("v5", port_5))
    )
    config.write_text(_IOTCORE + "".join(listeners))
    # It logs each packet as an error, for no reason.
    command = (sys.executable, "-m", "iotcore", "--config", str(config), "--log-level", "CRITICAL")
    return LocalBroker("iotcore", command, port, port_5)
