"""Looks at the whole folder of shots: what is whole, broken, unknown or missing."""

import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cinepi.capture.naming import parse_name, understood
from cinepi.disk import is_leftover, opened, rename_if_free
from cinepi.formats import registry
from cinepi.formats.contract import ENDS
from cinepi.logs.setup import logger
from cinepi.stem import stem_of

QUARANTINE = "quarantine"
"""Where broken files are put, below the folder of the pictures."""

_ALONE = "its picture is not there"

_log = logger("sweep")


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A file that was not whole or not part of a whole shot, and where it is now."""

    name: str
    moved_to: Path
    reason: str


@dataclass(frozen=True, slots=True)
class Sweep:
    """What a look at the whole folder found.

    Attributes:
        temporary: How many leftovers of interrupted writes were removed.
        found: Names of whole pictures that were not known.
        companions: Names of the whole files that lie beside those, by the stem of their shot.
        quarantined: Files that were put aside: broken ones, and companions without a picture.
        missing: Names that were known and are not there.
    """

    temporary: int
    found: tuple[str, ...]
    companions: Mapping[str, tuple[str, ...]]
    quarantined: tuple[Quarantined, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Survey:
    """What a check of every file found; names of files, and how many were looked at."""

    checked: int
    damaged: tuple[str, ...]
    missing: tuple[str, ...]
    unknown: tuple[str, ...]


def sweep(place: Path, known: set[str]) -> Sweep:
    """Tidy the folder at the start: leftovers go, what is no whole shot is put aside.

    A companion without its picture is the rest of a shot that was not finished, or of one whose
    picture somebody moved away. Its name does not say which, so it is put aside and not deleted.

    Reads the first and last bytes of unknown files only, so it takes about a second for
    100 000 known ones. Never run it while `write` may run. What the system does not let it tidy,
    as on a disk that is read-only, stays as it is.

    Args:
        place: The folder.
        known: The names of the pictures in the index.

    Raises:
        PermissionDeniedError: The folder is not ours.
    """
    with opened(place, make=True) as folder:
        with os.scandir(folder) as entries:
            names = {entry.name for entry in entries}
        removed = _remove_leftovers(folder, names, known)
        present = known & names
        pictures, companions = _apart(names - removed - present)
        faults = {name: fault for name in pictures if (fault := _fault(folder, name))}
        whole, of_known = set[str](), set[str]()
        if companions:  # most folders have none, and many thousands of pictures
            of_known = {stem_of(name) for name in present}
            whole = of_known | {stem_of(name) for name in pictures if name not in faults}
        beside: dict[str, tuple[str, ...]] = {}
        for name in companions:
            stem = stem_of(name)
            if stem not in whole:
                faults[name] = _ALONE
            elif stem not in of_known:
                if fault := _fault(folder, name):
                    faults[name] = fault
                else:
                    beside[stem] = (*beside.get(stem, ()), name)
        quarantined = tuple(_put_all_aside(place, folder, faults))
        os.fsync(folder)
    return Sweep(
        temporary=len(removed),
        found=tuple(name for name in pictures if name not in faults),
        companions=beside,
        quarantined=quarantined,
        missing=tuple(sorted(known - present)),
    )


def survey(
    place: Path,
    index: Callable[[], set[str]],
    digest_of: Callable[[str], str | None] = lambda _: None,
) -> Survey:
    """Look at the first and last bytes of every file of a shot; changes nothing.

    Args:
        place: The folder.
        index: Gives the names of the pictures in the index, after the look at the folder.
        digest_of: SHA-256 that a file should have, in hexadecimal; all of it is read then. None
            where that is unknown, or not asked for.

    Raises:
        PermissionDeniedError: The folder is not ours to read.
    """
    with opened(place) as folder:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if understood(entry.name)]
        present = {name for name in names if not _is_unused_name(folder, name)}
        damaged = [
            name
            for name in present
            if _fault(folder, name) or _is_altered(folder, name, digest_of(name))
        ]
    known = index()
    stems = {stem_of(name) for name in known}
    return Survey(
        checked=len(present),
        damaged=tuple(sorted(damaged)),
        missing=tuple(sorted(known - present)),
        unknown=tuple(sorted(name for name in present - known if stem_of(name) not in stems)),
    )


def _remove_leftovers(folder: int, names: Iterable[str], known: set[str]) -> set[str]:
    """Remove what was being written, and names that nobody came to use; returns which."""
    removed: set[str] = set()
    for name in names:
        if is_leftover(name) or (name not in known and _is_unused_name(folder, name)):
            with _tolerated(name):
                os.unlink(name, dir_fd=folder)
                removed.add(name)
    return removed


def _apart(names: Iterable[str]) -> tuple[list[str], list[str]]:
    """The pictures among the names, and the companions, each in order."""
    pictures: list[str] = []
    companions: list[str] = []
    for text in sorted(names):
        if name := understood(text):
            (pictures if name.is_picture else companions).append(text)
    return pictures, companions


def _is_unused_name(folder: int, name: str) -> bool:
    """Whether this is an empty file with which `rename_if_free` had made a name its own."""
    if not understood(name):
        return False
    try:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_size == 0


@contextmanager
def _tolerated(name: str) -> Iterator[None]:
    """Go on where a file cannot be moved or removed; the log says so."""
    try:
        yield
    except OSError as error:
        _log.warning("a file cannot be tidied", filename=name, reason=error.strerror)


def _put_all_aside(place: Path, folder: int, faults: Mapping[str, str]) -> Iterator[Quarantined]:
    for name, fault in sorted(faults.items()):
        with _tolerated(name):
            yield Quarantined(name, _put_aside(place, folder, name), fault)


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
    """Why a file of a shot is not whole; None if it is. One that cannot be read is not."""
    try:
        if not stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            return "it is no file"
        descriptor = os.open(
            name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder
        )
        try:
            size = os.fstat(descriptor).st_size
            head = os.pread(descriptor, ENDS, 0)
            tail = os.pread(descriptor, ENDS, max(0, size - ENDS))
        finally:
            os.close(descriptor)
    except FileNotFoundError:  # deleted meanwhile, which is no damage
        return None
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    if size == 0:
        return "it is empty"
    is_whole = registry.formats()[parse_name(name).suffix].is_whole(head, tail)
    return None if is_whole else "it is cut short"


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
