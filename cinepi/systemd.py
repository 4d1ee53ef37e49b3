"""What systemd expects of a service: readiness, the watchdog, and sockets passed in."""

import os
import socket
from contextlib import suppress

_FIRST_PASSED_FD = 3  # SD_LISTEN_FDS_START in sd-daemon.h


def notify(state: str) -> None:
    """Tell systemd a state such as `READY=1` or `STATUS=…`; without systemd, do nothing."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):  # an abstract socket is spelled with a NUL
        address = "\0" + address[1:]
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.connect(address)
        sender.send(state.encode())


def take_more_time(doing: str) -> None:
    """Ask for another minute before the start counts as failed; a step on the slowest card."""
    notify(f"EXTEND_TIMEOUT_USEC=60000000\nSTATUS={doing}")


def watchdog_period_s() -> float | None:
    """Half of the unit's WatchdogSec: how often systemd wants to hear; None without one."""
    limit_us = os.environ.get("WATCHDOG_USEC")
    if not limit_us or os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    return int(limit_us) / 2e6


def passed_socket() -> socket.socket | None:
    """The listening socket of socket activation, if this process was given one."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()) or not os.environ.get("LISTEN_FDS"):
        return None
    return socket.socket(fileno=_FIRST_PASSED_FD)
