"""The configuration on disk, and the copies of what was before; the service is the only writer."""

import hashlib
import heapq
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

from cinepi.clock import Clock, rfc3339
from cinepi.config import atomic
from cinepi.config.parse import read_config
from cinepi.disk import speaking_of
from cinepi.errors import BusyError, CinepiError, ConflictError, InvalidArgumentError
from cinepi.model.documents import BackupFile
from cinepi.paths import Layout
from cinepi.strictyaml import MAX_SIZE
from cinepi.units import Seconds, WallTime

FEWEST = 5
"""Newest copies that are kept however old they are."""
MOST = 100
"""Copies that are kept at most, however young they are."""
JUST_NOW: Seconds = 60.0

_NAME = re.compile(r"cinepi_backup_([0-9]{8}_[0-9]{6})(_[0-9]{2})?\.yaml")
_STAMP = "%Y%m%d_%H%M%S"
_SAME_SECOND = 99  # copies of one second after the first: `_01` to `_99`


def target(layout: Layout) -> Path:
    """The configuration file itself, where `cinepi.yaml` is a symbolic link to it."""
    return Path(os.path.realpath(layout.config))


def read(layout: Layout) -> str:
    """Read the configuration file, line ends and all.

    Raises:
        FileNotFoundError: There is none.
        InvalidArgumentError: It is not UTF-8.
        CinepiError: See `atomic.read`.
    """
    try:
        return atomic.read(target(layout), max_bytes=MAX_SIZE)
    except UnicodeDecodeError as error:
        message = f"{layout.config.name} is not UTF-8 text"
        raise InvalidArgumentError.at("", message) from error


def write(layout: Layout, text: str) -> str:
    """Replace the configuration as `atomic.write` does, and return the digest of `text`.

    Raises:
        CinepiError: See `atomic.write`; the old file is untouched.
    """
    path = target(layout)
    atomic.write(path, text, like=path)
    return digest(text)


def digest(text: str) -> str:
    """SHA-256 of the text as UTF-8, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def stamp(clock: Clock) -> str:
    """The local time as it stands in names: `20261123_093000`."""
    return datetime.fromtimestamp(clock.wall(), UTC).astimezone().strftime(_STAMP)


def back_up(layout: Layout, clock: Clock) -> str:
    """Copy the configuration into the backups, durably, and return the copy's name.

    Raises:
        BusyError: There are 100 copies of this second already.
        CinepiError: As `copy_as` does.
    """
    name = next_name(layout, clock)
    copy_as(layout, name)
    return name


def copy_as(layout: Layout, name: str) -> None:
    """Copy the configuration into the backups under a name of `next_name`, durably.

    Raises:
        ConflictError: There is no configuration file.
        InvalidArgumentError: It is no text.
        CinepiError: The copy cannot be written; see `atomic.write`.
    """
    try:
        text = read(layout)
    except FileNotFoundError as error:
        raise ConflictError(f"there is no {layout.config} to copy") from error
    keep_as(layout, name, text)


def keep_as(layout: Layout, name: str, text: str) -> None:
    """Put a text into the backups under a name of `next_name`, durably.

    Raises:
        CinepiError: The copy cannot be written; see `atomic.write`.
    """
    atomic.write(layout.backups / name, text, like=target(layout))


def look(layout: Layout) -> tuple[int, ...]:
    """What differs when somebody has written the file; empty where it cannot be looked at."""
    try:
        found = target(layout).stat()
    except OSError:
        return ()
    return (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def next_name(layout: Layout, clock: Clock) -> str:
    """What a copy that is made now would be called.

    Raises:
        BusyError: There are 100 copies of this second already.
    """
    first = f"cinepi_backup_{stamp(clock)}"
    suffixes = ("", *(f"_{count:02}" for count in range(1, _SAME_SECOND + 1)))
    names = (f"{first}{suffix}.yaml" for suffix in suffixes)
    name = next((name for name in names if not (layout.backups / name).exists()), None)
    if name is None:
        raise BusyError("the configuration was copied too often within one second")
    return name


def sweep(layout: Layout) -> None:
    """Remove what a run that was killed left half-written; for the start.

    Raises:
        CinepiError: The system refuses.
    """
    for folder in {layout.backups, target(layout).parent}:
        atomic.sweep(folder)


def backups(layout: Layout) -> tuple[BackupFile, ...]:
    """List the copies, newest first; each is read, to see whether it is valid."""
    return tuple(
        BackupFile(
            filename=name,
            created_at=rfc3339(_made_at(name)),
            size=size,
            is_valid=_text_if_valid(layout, name) is not None,
        )
        for name in _names(layout)
        if (size := _size(layout.backups / name)) is not None
    )


def has_backups(layout: Layout) -> bool:
    """Whether there is any copy; reads none of them."""
    return any(True for _ in _each_name(layout))


def read_backup(layout: Layout, name: str) -> str:
    """Read one copy.

    Raises:
        InvalidArgumentError: `name` is no name of a copy, or there is none of this name, or it is
            damaged.
        CinepiError: The system refuses; see `atomic.read`.
    """
    if not _is_name(name):
        message = (
            f"file must be the name of a backup such as cinepi_backup_20261123_093000.yaml, "
            f"not {name[:64]!r}"
        )
        raise InvalidArgumentError.at("/file", message)
    try:
        return atomic.read(layout.backups / name, max_bytes=MAX_SIZE)
    except FileNotFoundError as error:
        raise InvalidArgumentError.at("/file", f"there is no backup {name}") from error
    except UnicodeDecodeError as error:
        raise InvalidArgumentError.at("/file", f"the backup {name} is not UTF-8 text") from error


def newest_valid(layout: Layout) -> tuple[str, str] | None:
    """Name and text of the newest copy that is a valid configuration; None where there is none."""
    for name in _names(layout):
        text = _text_if_valid(layout, name)
        if text is not None:
            return name, text
    return None


def prune(layout: Layout, clock: Clock, days: int) -> int:
    """Delete copies that are older than `days`, or beyond `MOST`, but none of the `FEWEST` newest.

    While the clock is not synchronised, ages are not judged. A copy of the last minute stays: where
    the clock was set back, all others seem younger. Blocks for 20 us and a deletion for each copy.

    Returns:
        How many went.

    Raises:
        CinepiError: The system refuses.
    """
    now = clock.wall()
    newest = heapq.nlargest(MOST, _each_name(layout))
    oldest_kept = newest[-1] if len(newest) == MOST else ""
    limit = now - timedelta(days=days).total_seconds() if clock.is_synced() else None
    removed = 0
    for name in _each_name(layout):
        made_at = _made_at(name)
        is_old = name < oldest_kept or (limit is not None and made_at < limit)
        if is_old and name not in newest[:FEWEST] and abs(now - made_at) > JUST_NOW:
            with speaking_of(layout.backups / name, "delete"):
                (layout.backups / name).unlink(missing_ok=True)
            removed += 1
    return removed


def _names(layout: Layout) -> list[str]:
    """The names of the copies, newest first: they sort as their times do, `_01` after none."""
    return sorted(_each_name(layout), reverse=True)


def _each_name(layout: Layout) -> Iterator[str]:
    """The names of the copies, in no order; one after the other, since there may be thousands."""
    try:
        with speaking_of(layout.backups, "list"), os.scandir(layout.backups) as entries:
            yield from filter(_is_name, (entry.name for entry in entries))
    except FileNotFoundError:
        return


def _is_name(name: str) -> bool:
    match = _NAME.fullmatch(name)
    if match is None:
        return False
    try:
        datetime.strptime(match[1], _STAMP).astimezone()
    except (ValueError, OverflowError):
        return False
    return True


def _made_at(name: str) -> WallTime:
    match = _NAME.fullmatch(name)
    if match is None:
        raise ValueError(f"{name} is no name of a copy")
    return datetime.strptime(match[1], _STAMP).astimezone().timestamp()


def _size(path: Path) -> int | None:
    with suppress(OSError):
        return path.stat().st_size
    return None


def _text_if_valid(layout: Layout, name: str) -> str | None:
    with suppress(CinepiError, FileNotFoundError, UnicodeDecodeError):
        text = atomic.read(layout.backups / name, max_bytes=MAX_SIZE)
        return text if is_valid(text) else None
    return None


@lru_cache(maxsize=MOST)
def is_valid(text: str) -> bool:
    """Whether it can be used, perhaps without some lines; remembered: a list has 100 copies."""
    try:
        read_config(text, source="the copy")
    except CinepiError:
        return False
    return True
