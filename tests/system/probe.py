"""Tries what a locked-down unit must not be able to do, from inside it; copied into the machine.

Runs as `ExecStartPre=` of the unit itself, so that every directive holds, and outside of it, for
comparison. Prints one JSON object: attempt -> `allowed`, or the name of the error that refused it.
"""

import ctypes
import errno
import json
import mmap
import os
import signal
import socket
import stat
import sys
import time
from collections.abc import Callable
from pathlib import Path

_CLONE_NEWUSER = 0x10000000
_PTRACE_ATTACH = 16
_libc = ctypes.CDLL(None, use_errno=True)


def _call(result: int) -> None:
    """Raise what a C function failed with."""
    if result < 0:
        raise OSError(ctypes.get_errno(), "call")


def _connect(family: int, address: tuple[str, int]) -> None:
    with socket.socket(family, socket.SOCK_STREAM) as connection:
        connection.settimeout(2)
        connection.connect(address)


def _knock(path: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(path)


def _read(path: str) -> None:
    place = Path(path)
    if place.is_dir():
        if not list(place.iterdir()):
            raise FileNotFoundError(errno.ENOENT, "nothing to see")
    else:
        place.read_bytes()


def _write(folder: str) -> None:
    file = Path(folder, ".written-by-the-probe")
    file.write_bytes(b"x")
    file.unlink()


def _change_setting() -> None:
    setting = Path("/proc/sys/vm/swappiness")
    setting.write_text(setting.read_text())


def _map_executable() -> None:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()


def _real_time() -> None:
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def _see_others() -> None:
    """Look for a process of another user."""
    own = os.getuid()
    for place in Path("/proc").iterdir():
        if place.name.isdigit() and place.stat().st_uid != own:
            return
    raise FileNotFoundError(errno.ENOENT, "only our own")


def _see_devices() -> None:
    known = {"null", "zero", "full", "random", "urandom", "tty", "ptmx", "console", "initctl"}
    known |= {
        "char",
        "pts",
        "shm",
        "fd",
        "stdin",
        "stdout",
        "stderr",
        "log",
        "core",
        "mqueue",
        "hugepages",
    }
    if not {place.name for place in Path("/dev").iterdir()} - known:
        raise FileNotFoundError(errno.ENOENT, "only what every process has")


def _attempts(arguments: list[str]) -> dict[str, Callable[[], object]]:
    attempts: dict[str, Callable[[], object]] = {
        "internet": lambda: _connect(socket.AF_INET, ("127.0.0.1", 1883)),
        "internet 6": lambda: _connect(socket.AF_INET6, ("::1", 1883)),
        "raw packets": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close(),
        "bluetooth": lambda: socket.socket(31, socket.SOCK_RAW).close(),
        "see others' processes": _see_others,
        "signal systemd": lambda: os.kill(1, signal.SIGCONT),
        "trace systemd": lambda: _call(_libc.ptrace(_PTRACE_ATTACH, 1, 0, 0)),
        "new namespace": lambda: _call(_libc.unshare(_CLONE_NEWUSER)),
        "mount": lambda: _call(_libc.mount(b"none", b"/mnt", b"tmpfs", 0, None)),
        "become root": lambda: os.setuid(0),
        "set the clock": lambda: time.clock_settime(time.CLOCK_REALTIME, time.time()),
        "set the host name": lambda: socket.sethostname("taken"),
        "kernel log": lambda: _call(_libc.klogctl(10, None, 0)),
        "change a kernel setting": _change_setting,
        "writable code": _map_executable,
        "real-time class": _real_time,
        "see devices": _see_devices,
        "a device that is not a camera": lambda: os.close(os.open("/dev/net/tun", os.O_RDWR)),
        "a camera": lambda: os.close(os.open("/dev/video0", os.O_RDWR)),
        "set-user-id file": lambda: Path(sys.argv[1]).chmod(stat.S_ISUID),
    }
    for action, place in (argument.split(":", 1) for argument in arguments):
        act = {"read": _read, "write": _write, "knock": _knock}[action]
        attempts[f"{action} {place}"] = lambda act=act, place=place: act(place)  # type: ignore[misc]
    return attempts


def main() -> None:
    """Try everything."""
    Path(sys.argv[1]).touch()
    found = {}
    for name, attempt in _attempts(sys.argv[2:]).items():
        try:
            attempt()
        except OSError as error:
            found[name] = errno.errorcode.get(error.errno or 0, type(error).__name__)
        else:
            found[name] = "allowed"
    Path(sys.argv[1]).unlink()
    print("PROBE", json.dumps(found))  # noqa: T201 - the journal is where a unit's words go


main()
