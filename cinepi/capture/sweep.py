"""Looks at the whole folder of pictures: what is whole, broken, unknown or missing."""

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cinepi.capture.naming import is_name
from cinepi.disk import is_leftover, opened, rename_if_free
from cinepi.formats.jpg import is_whole
from cinepi.logs.setup import logger

QUARANTINE = "quarantine"
"""Where broken pictures are put, below the folder of the pictures."""

_log = logger("sweep")


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A file that was no complete picture, and where it is now."""

    name: str
    moved_to: Path
    reason: str


@dataclass(frozen=True, slots=True)
class Sweep:
    """What a look at the whole folder found.

    Attributes:
        temporary: How many leftovers of interrupted writes were removed.
        found: Names of whole pictures that were not known.
        quarantined: Broken pictures that were not known.
        missing: Names that were known and are not there.
    """

    temporary: int
    found: tuple[str, ...]
    quarantined: tuple[Quarantined, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Survey:
    """What a check of every picture found; names of files."""

    checked: int
    damaged: tuple[str, ...]
    missing: tuple[str, ...]
    unknown: tuple[str, ...]


def sweep(place: Path, known: set[str]) -> Sweep:
    """Tidy the folder at the start: leftovers go, broken pictures are put aside.

    Reads the first and last bytes of unknown pictures only, so it takes about a second for
    100 000 known ones. Never run it while `write` may run. What the system does not let it tidy,
    as on a disk that is read-only, stays as it is.

    Raises:
        PermissionDeniedError: The folder is not ours.
    """
    temporary = 0
    unknown: list[str] = []
    present: set[str] = set()
    with opened(place, make=True) as folder:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries]
        for name in names:
            if is_leftover(name):
                with _tolerated(name):
                    os.unlink(name, dir_fd=folder)
                    temporary += 1
            elif name in known:
                present.add(name)
            elif is_name(name):
                unknown.append(name)
        faults = {name: fault for name in unknown if (fault := _fault(folder, name))}
        quarantined: list[Quarantined] = []
        for name, fault in sorted(faults.items()):
            with _tolerated(name):
                quarantined.append(Quarantined(name, _put_aside(place, folder, name), fault))
        os.fsync(folder)
    return Sweep(
        temporary=temporary,
        found=tuple(sorted(name for name in unknown if name not in faults)),
        quarantined=tuple(quarantined),
        missing=tuple(sorted(known - present)),
    )


def survey(
    place: Path, known: set[str], digest_of: Callable[[str], str | None] = lambda _: None
) -> Survey:
    """Look at the first and last bytes of every picture; changes nothing.

    Args:
        place: The folder.
        known: The names in the index.
        digest_of: SHA-256 that a picture should have, in hexadecimal; all of it is read then. None
            where that is unknown, or not asked for.

    Raises:
        PermissionDeniedError: The folder is not ours to read.
    """
    with opened(place) as folder:
        with os.scandir(folder) as entries:
            present = {entry.name for entry in entries if is_name(entry.name)}
        damaged = [
            name
            for name in present
            if _fault(folder, name) or _is_altered(folder, name, digest_of(name))
        ]
    return Survey(
        checked=len(present),
        damaged=tuple(sorted(damaged)),
        missing=tuple(sorted(known - present)),
        unknown=tuple(sorted(present - known)),
    )


@contextmanager
def _tolerated(name: str) -> Iterator[None]:
    """Go on where a file cannot be moved or removed; the log says so."""
    try:
        yield
    except OSError as error:
        _log.warning("a file cannot be tidied", filename=name, reason=error.strerror)


def _put_aside(place: Path, folder: int, name: str) -> Path:
    with suppress(FileExistsError):
        os.mkdir(QUARANTINE, 0o750, dir_fd=folder)
    number = 0
    while True:
        aside = f"{QUARANTINE}/{name}" + (f".{number}" if number else "")
        if rename_if_free(folder, name, aside):
            return place / aside
        number += 1


def _fault(folder: int, name: str) -> str | None:
    """Why a file is no whole picture; None if it is one. One that cannot be read is none."""
    try:
        if not stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            return "it is no file"
        descriptor = os.open(
            name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder
        )
        try:
            size = os.fstat(descriptor).st_size
            ends = os.pread(descriptor, 2, 0) + os.pread(descriptor, 2, max(0, size - 2))
        finally:
            os.close(descriptor)
    except FileNotFoundError:  # deleted meanwhile, which is no damage
        return None
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    if size == 0:
        return "it is empty"
    return None if is_whole(ends) else "it is cut short"


def _is_altered(folder: int, name: str, digest: str | None) -> bool:
    if digest is None:
        return False
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
        with os.fdopen(descriptor, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() != digest
    except FileNotFoundError:
        return False
    except OSError:  # a card that cannot read it has lost it
        return True
