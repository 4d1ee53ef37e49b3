"""The folder of the pictures: the one that they were in before, or has it become another one?

A disk that is not mounted leaves an empty folder on the card, and a stick may be changed for
another. A small file in the folder says which one it is, and the journal remembers that.
"""

import os
import stat
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from cinepi.clock import new_run_id
from cinepi.disk import opened
from cinepi.errors import CinepiError, StorageUnavailableError
from cinepi.journal.journal import Journal, Transaction
from cinepi.journal.net import understood
from cinepi.logs.setup import logger
from cinepi.units import Bytes

MARKER = ".cinepi_folder"
"""The file in the folder that says which one it is."""
MANY = 100
"""With fewer pictures in the index, an emptied folder is taken for what it is without asking."""

_KEY = "captures_folder"
_WORDS = "\nCinePi knows the folder of its pictures by this file: leave it here.\n"
_MARKER_MODE = 0o640
_MOST_MARKER: Bytes = 64
_ADVICE = (
    "put the pictures' disk back, or run captures/accept (python3 -m cinepi.capture accept) to go "
    "on in this folder"
)

_log = logger("folder")


class _Place(msgspec.Struct, frozen=True):
    """What the journal remembers of the folder.

    Attributes:
        id: As its marker says.
        is_mounted: Whether it was on another file system than the folder that it stands in: a disk
            is mounted there, or it is a link to one.
        is_apart: Whether it was on another file system than the journal.
    """

    id: str
    is_mounted: bool
    is_apart: bool


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What is thought of a folder.

    Attributes:
        problem: Why it is not the known one, in a sentence; None if it is.
        is_refused: Whether nothing may be stored, read or deleted there.
    """

    problem: str | None = None
    is_refused: bool = False


_KNOWN: Final = _Verdict()


class KnownFolder:
    """Compares the folder with the one that the journal remembers; any thread.

    A folder without its marker that has most of the pictures is the same one, and gets a new
    marker. Any other is judged by where it lies. Where the pictures had a disk of their own that is
    not mounted now, or another disk is, nothing is stored in the folder until the old one is back
    or somebody accepts it. Where it lies where it lay, somebody has emptied it: pictures go on, and
    the index is left alone as long as nobody accepts that. For example, a stick that is not
    mounted is refused; after `rm -r captures` the session goes on, and health says so.
    """

    def __init__(self, path: Path, journal: Journal, *, beside: Path) -> None:
        """Know nothing of the folder before `look`; `beside` is the journal's own folder."""
        self._path = path
        self._beside = beside
        self._journal = journal
        self._lock = threading.RLock()
        self._judged: tuple[object, _Verdict] | None = None
        self._place = understood(journal.value(_KEY), _Place, "the folder of the pictures")
        self._problem: str | None = None

    @property
    def problem(self) -> str | None:
        """Why the folder is not the known one, as it was seen last; None if all is well."""
        return self._problem

    def look(self) -> str | None:
        """See which folder it is now; returns why it cannot be used, None where it can."""
        try:
            with opened(self._path, make=True) as folder:
                self.check(folder)
        except StorageUnavailableError as error:
            self._problem = str(error)
            return str(error)
        except CinepiError as error:  # it may be the known one, and its disk fails
            return str(error)
        return None

    def check(self, folder: int) -> None:
        """See whether an open folder may be used; some 20 µs, or 0.1 s where it has changed.

        Raises:
            StorageUnavailableError: It is another one.
        """
        with self._lock:
            verdict = self._verdict(folder)
            self._problem = verdict.problem
        if verdict.is_refused:
            raise StorageUnavailableError(verdict.problem or "")

    def accept(self, also: Callable[[Transaction], None]) -> None:
        """Take the folder for the known one from now on, as it is.

        Args:
            also: Writes more in the same transaction.

        Raises:
            CinepiError: It cannot be opened or marked, or the journal fails; nothing has changed.
        """
        with opened(self._path, make=True) as folder:
            place = self._marked(folder)
            with self._journal.transaction() as tx:
                self._remember(tx, place)
                also(tx)
        with self._lock:
            self._place, self._judged, self._problem = place, None, None
        _log.warning("the folder of the pictures is accepted", folder=str(self._path))

    def _verdict(self, folder: int) -> _Verdict:
        marker = _marker(folder)
        if self._place is not None and marker == self._place.id:
            return _KNOWN
        status = os.fstat(folder)
        seen = (status.st_dev, status.st_ino, marker)
        if self._judged is None or self._judged[0] != seen:
            self._judged = seen, self._judge(folder, marker)
        return self._judged[1]

    def _judge(self, folder: int, marker: str | None) -> _Verdict:
        now = self._place_of(folder, marker or "")
        was = self._place or msgspec.structs.replace(now, is_mounted=False)
        known = self._journal.capture_names()
        is_others = self._place is not None and marker is not None
        has_most = not is_others and 2 * len(known & _names(folder)) >= len(known)
        is_unmounted = (was.is_mounted and not now.is_mounted) or (
            was.is_apart and not now.is_apart
        )
        lies_elsewhere = was.is_mounted or now.is_mounted or was.is_apart != now.is_apart
        if (has_most and not (is_unmounted and not known)) or (
            len(known) < MANY and not is_unmounted
        ):
            self._adopt(folder)
            return _KNOWN
        if is_unmounted:
            what = f"the disk of the pictures is not mounted at {self._path}: {_ADVICE}"
        elif lies_elsewhere:
            what = f"another disk is mounted at {self._path}, without the known pictures: {_ADVICE}"
        else:
            what = f"{len(known)} pictures are gone from {self._path} at once: {_ADVICE}"
        _log.error("the folder of the pictures has changed", reason=what)
        return _Verdict(what, is_refused=lies_elsewhere)

    def _place_of(self, folder: int, marker: str) -> _Place:
        device = os.fstat(folder).st_dev
        return _Place(
            marker,
            is_mounted=device != self._path.parent.stat().st_dev,
            is_apart=device != self._beside.stat().st_dev,
        )

    def _adopt(self, folder: int) -> None:
        """Remember a folder; where it cannot be marked, the next start decides anew."""
        try:
            place = self._marked(folder)
            with self._journal.transaction() as tx:
                self._remember(tx, place)
            self._place = place
        except (OSError, CinepiError) as error:
            _log.info("the folder of the pictures has no mark", reason=str(error))

    def _marked(self, folder: int) -> _Place:
        marker = _marker(folder)
        if marker is None:
            marker = new_run_id()
            _write_marker(folder, marker)
        return self._place_of(folder, marker)

    def _remember(self, tx: Transaction, place: _Place) -> None:
        tx.set_value(_KEY, msgspec.json.encode(place).decode())


def _names(folder: int) -> set[str]:
    with os.scandir(folder) as entries:
        return {entry.name for entry in entries}


def _marker(folder: int) -> str | None:
    """What the folder's marker says; None without one, or where it was cut short."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(MARKER, flags, dir_fd=folder)
    except OSError:
        return None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        first, end, _ = os.read(descriptor, _MOST_MARKER).partition(b"\n")
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return first.decode("ascii") if end and first.isalnum() else None  # of bytes: ASCII only


def _write_marker(folder: int, marker: str) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(MARKER, flags, _MARKER_MODE, dir_fd=folder)
    try:
        os.write(descriptor, (marker + _WORDS).encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.fsync(folder)
