"""Time: what the wall says, whether to trust it, and the monotonic clock that the frames follow."""

import ctypes
import json
import os
import time
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Protocol

from cinepi.errors import InvalidArgumentError
from cinepi.units import Milliseconds, MonotonicTime, Seconds, WallTime

CLOCK_VARIABLE = "CINEPI_CLOCK"
STEP: Seconds = 1.0
"""A wall clock that moved this far against the monotonic one has been set, not slewed."""

_TIMESYNC_FLAG = Path("/run/systemd/timesync/synchronized")
_STA_UNSYNC = 0x0040  # linux/timex.h
_Timex = ctypes.c_int * 128  # room: struct timex is 208 bytes on 64-bit Linux
_TIMEX_STATUS_WORD = {8: 10, 4: 5}  # index of `status` in ints, by the size of a C long
_TIMEX_MAXERROR = 3  # index of `maxerror`, in longs: µs that the clock is off by at most


class Clock(Protocol):
    """The three questions that the product asks about time."""

    def wall(self) -> WallTime:
        """Seconds since 1970; may jump when the clock is set."""
        ...

    def monotonic(self) -> MonotonicTime:
        """Seconds since some instant of this boot; never jumps."""
        ...

    def is_synced(self) -> bool:
        """Whether a time server has set the wall clock since boot."""
        ...


class SystemClock:
    """The machine's clocks."""

    def wall(self) -> WallTime:
        """See `Clock.wall`."""
        return time.time()

    def monotonic(self) -> MonotonicTime:
        """See `Clock.monotonic`."""
        return time.monotonic()

    def is_synced(self) -> bool:
        """True if systemd-timesyncd says so, or the kernel (as chrony and ntpd tell it)."""
        return _TIMESYNC_FLAG.exists() or _kernel_is_synced()


class SteeredClock:
    """A clock that a test moves: the system's, plus what a small JSON file says.

    The file holds `{"offset_s": 3600, "synced": true}` and is read at each question.
    """

    def __init__(self, path: Path) -> None:
        """Follow the file at `path`, which must exist."""
        self._path = path

    def wall(self) -> WallTime:
        """See `Clock.wall`."""
        return time.time() + float(self._read().get("offset_s", 0))

    def monotonic(self) -> MonotonicTime:
        """See `Clock.monotonic`; cannot be steered, since frames are real."""
        return time.monotonic()

    def is_synced(self) -> bool:
        """See `Clock.is_synced`; True unless the file says otherwise."""
        return bool(self._read().get("synced", True))

    def _read(self) -> dict[str, float | bool]:
        content: dict[str, float | bool] = json.loads(self._path.read_text())
        return content


def wait_until(moment: MonotonicTime, clock: Clock) -> None:
    """Block until `moment`; not at all if it has passed."""
    time.sleep(max(0.0, moment - clock.monotonic()))


def system_clock() -> Clock:
    """The clock of this process: the machine's, or the one that `CINEPI_CLOCK` names for tests."""
    steered = os.environ.get(CLOCK_VARIABLE)
    return SteeredClock(Path(steered)) if steered else SystemClock()


def clock_error_ms() -> Milliseconds | None:
    """How far the machine's clock is off at most, by the kernel's account; None if not synced.

    The time daemon sets it, chrony to what it has measured, systemd-timesyncd to zero, and the
    kernel lets it grow by half a millisecond in a second until it is set again.
    """
    buffer = _Timex()
    if _libc().adjtimex(buffer) < 0 or not _says_synced(buffer):
        return None
    longs = ctypes.cast(buffer, ctypes.POINTER(ctypes.c_long))
    worst: int = longs[_TIMEX_MAXERROR]
    return round(worst / 1000, 3)


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _kernel_is_synced() -> bool:
    buffer = _Timex()
    return _libc().adjtimex(buffer) >= 0 and _says_synced(buffer)


def _says_synced(buffer: "ctypes.Array[ctypes.c_int]") -> bool:
    return not buffer[_TIMEX_STATUS_WORD[ctypes.sizeof(ctypes.c_long)]] & _STA_UNSYNC


def kernel_boot_id() -> str:
    """The kernel's id of this boot: monotonic times can be compared while it stays the same."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def new_run_id() -> str:
    """A random id of one start of one process: 8 hexadecimal digits, `boot` in all documents."""
    return os.urandom(4).hex()


def rfc3339(wall: WallTime) -> str:
    """Spell a time in UTC with milliseconds: `2026-11-23T09:30:00.250Z`."""
    return (
        datetime.fromtimestamp(wall, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )


def parse_time(text: str, field: str) -> WallTime:
    """Read a time such as `2026-11-23T09:30:00Z` or `…+01:00`; without a zone it is local time.

    Raises:
        InvalidArgumentError: `text` is no such time; `field` is the JSON pointer to name.
    """
    try:
        wall = datetime.fromisoformat(text).timestamp()
        datetime.fromtimestamp(wall).astimezone()  # years 1 to 9999 in UTC and here: it can be said
        rfc3339(wall)
    except (ValueError, OverflowError, OSError) as error:
        name = field.rsplit("/", 1)[-1]
        message = f"{name} must be a time such as 2026-11-23T09:30:00Z, not {text[:64]!r}"
        raise InvalidArgumentError.at(field, message) from error
    return wall
