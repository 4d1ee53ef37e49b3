"""The folder of pictures: whole files, never overwritten, on the disk before anyone is told."""

import ctypes
import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cinepi.capture.beside import Beside
from cinepi.capture.develop import Buffer, is_whole
from cinepi.capture.naming import is_name, name_for, parse_name
from cinepi.clock import Clock
from cinepi.errors import (
    CinepiError,
    InternalError,
    InvalidArgumentError,
    PermissionDeniedError,
    StorageFullError,
)
from cinepi.units import Bytes, WallTime

HEAD: Bytes = 128 * 1024
"""A JPEG's facts stand in front: EXIF has at most 64 KiB, and the size follows it."""
QUARANTINE = "quarantine"
"""Where broken pictures are put, below the folder of the pictures."""

_TEMPORARY = ".cinepi_"
_SUFFIX = ".tmp"
_FILE_MODE = 0o640
_NO_FLAGS_HERE = {errno.EINVAL, errno.ENOSYS}
_FULL = {errno.ENOSPC, errno.EDQUOT}
_REFUSED = {errno.EROFS, errno.EACCES, errno.EPERM}
_RENAME_NOREPLACE = 1  # linux/fs.h
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A picture that will survive a power cut."""

    name: str
    path: Path
    size: Bytes
    sha256: str


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


class Store:
    """The only writer of the folder; its methods may be called by any thread.

    Attributes:
        vanished: Pictures that were deleted and that the index does not know to be gone, since the
            disk or the journal failed then; each with the reason of its deletion.
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        """Use `folder`, which is made when the first picture is written."""
        self._folder = folder
        self._clock = clock
        self.vanished: dict[str, str] = {}

    def path(self, name: str) -> Path:
        """Where a picture of that name lies, or would."""
        return self._folder / name

    def write(
        self,
        parts: Sequence[Buffer],
        wall: WallTime,
        taken: Callable[[str], bool] = lambda _: False,
    ) -> StoredFile:
        """Put a picture on the disk; when this returns it survives a power cut.

        Blocks for the write and two fsyncs: milliseconds on a good disk, a second on a bad card.

        Args:
            parts: The bytes, in order.
            wall: When it was exposed; its name.
            taken: Names that must not be used although no file has them.

        Raises:
            StorageFullError: No space, or over quota.
            PermissionDeniedError: The folder is read-only or not ours.
            InternalError: The disk failed; the message says how.
            ConflictError: There are 100 pictures of that second.
        """
        digest = Beside(lambda: _sha256(parts), "digest")
        with self._opened(make=True) as folder:
            temporary = f"{_TEMPORARY}{os.getpid()}_{self._clock.monotonic():.9f}{_SUFFIX}"
            present = temporary
            try:
                _write_new(folder, temporary, parts)
                present = name = _publish(folder, temporary, wall, taken)
                os.fsync(folder)
            except BaseException:
                with suppress(FileNotFoundError):
                    os.unlink(present, dir_fd=folder)
                raise
        size = sum(len(part) for part in parts)
        return StoredFile(name, self.path(name), size, digest.result())

    def delete(self, name: str) -> Bytes:
        """Remove a picture and return its size; 0 if there is none. Call `flush` after the last.

        Raises:
            InvalidArgumentError: No picture is called so.
            PermissionDeniedError: The folder is read-only or not ours.
        """
        parse_name(name)
        with self._opened() as folder:
            try:
                size = os.stat(name, dir_fd=folder, follow_symlinks=False).st_size
                os.unlink(name, dir_fd=folder)
            except FileNotFoundError:
                return 0
            return size

    def flush(self) -> None:
        """Make deletions survive a power cut."""
        with self._opened() as folder:
            os.fsync(folder)

    def open(self, name: str) -> int:
        """A descriptor to read a picture from; the caller closes it. Follows no link.

        Raises:
            InvalidArgumentError: There is no such picture.
        """
        parse_name(name)
        with self._opened() as folder:
            try:
                descriptor = os.open(
                    name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder
                )
            except (FileNotFoundError, NotADirectoryError) as error:
                raise _no_such(name) from error
            except OSError as error:
                if error.errno == errno.ELOOP:
                    raise _no_such(name) from error
                raise
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise _no_such(name)
        return descriptor

    def read(self, name: str) -> bytes:
        """The whole of a picture.

        Raises:
            InvalidArgumentError: There is no such picture.
            InternalError: The disk failed.
        """
        with _our_errors(self._folder), os.fdopen(self.open(name), "rb") as file:
            return file.read()

    def head(self, name: str) -> tuple[bytes, Bytes]:
        """The first `HEAD` bytes of a picture, with all that it says of itself, and its size.

        Raises:
            InvalidArgumentError: There is no such picture.
            InternalError: The disk failed.
        """
        with _our_errors(self._folder), os.fdopen(self.open(name), "rb", buffering=0) as file:
            return file.read(HEAD), os.fstat(file.fileno()).st_size

    def disk(self) -> tuple[Bytes, Bytes]:
        """Free space for us, and the size of the file system under the folder."""
        folder = self._folder
        while not folder.exists():  # before the first picture
            folder = folder.parent
        with _our_errors(folder):
            status = os.statvfs(folder)
        return status.f_bavail * status.f_frsize, status.f_blocks * status.f_frsize

    def sweep(self, known: set[str]) -> Sweep:
        """Tidy the folder at the start: leftovers go, broken pictures are put aside.

        Reads the first and last bytes of unknown pictures only, so it takes about a second for
        100 000 known ones. Never run it while `write` may run.

        Raises:
            PermissionDeniedError: The folder is read-only or not ours.
        """
        temporary = 0
        unknown: list[str] = []
        present: set[str] = set()
        with self._opened(make=True) as folder:
            with os.scandir(folder) as entries:
                names = [entry.name for entry in entries]
            for name in names:
                if name.startswith(_TEMPORARY) and name.endswith(_SUFFIX):
                    os.unlink(name, dir_fd=folder)
                    temporary += 1
                elif name in known:
                    present.add(name)
                elif is_name(name):
                    unknown.append(name)
            faults = {name: fault for name in unknown if (fault := _fault(folder, name))}
            quarantined = tuple(
                Quarantined(name, self._put_aside(folder, name), fault)
                for name, fault in sorted(faults.items())
            )
            os.fsync(folder)
        return Sweep(
            temporary=temporary,
            found=tuple(sorted(name for name in unknown if name not in faults)),
            quarantined=quarantined,
            missing=tuple(sorted(known - present)),
        )

    def survey(self, known: set[str]) -> Survey:
        """Look at the first and last bytes of every picture; changes nothing.

        Raises:
            PermissionDeniedError: The folder is not ours to read.
        """
        with self._opened() as folder:
            with os.scandir(folder) as entries:
                present = {entry.name for entry in entries if is_name(entry.name)}
            damaged = [name for name in present if _fault(folder, name)]
        return Survey(
            checked=len(present),
            damaged=tuple(sorted(damaged)),
            missing=tuple(sorted(known - present)),
            unknown=tuple(sorted(present - known)),
        )

    def _put_aside(self, folder: int, name: str) -> Path:
        with suppress(FileExistsError):
            os.mkdir(QUARANTINE, 0o750, dir_fd=folder)
        number = 0
        while True:
            aside = f"{QUARANTINE}/{name}" + (f".{number}" if number else "")
            if _rename_if_free(folder, name, aside):
                return self._folder / aside
            number += 1

    @contextmanager
    def _opened(self, *, make: bool = False) -> Iterator[int]:
        """The folder, opened anew each time: a stick may have been mounted over it."""
        with _our_errors(self._folder):
            if make and not self._folder.exists():
                self._folder.mkdir(parents=True, exist_ok=True)
            folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                yield folder
            finally:
                os.close(folder)


def _sha256(parts: Sequence[Buffer]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def _write_new(folder: int, name: str, parts: Sequence[Buffer]) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    descriptor = os.open(name, flags, _FILE_MODE, dir_fd=folder)
    try:
        left = [memoryview(part) for part in parts if part]
        while left:
            written = os.writev(descriptor, left)
            while left and written >= len(left[0]):
                written -= len(left.pop(0))
            if left:
                left[0] = left[0][written:]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _publish(folder: int, temporary: str, wall: WallTime, taken: Callable[[str], bool]) -> str:
    """Give the file its name, the first that is free; never replaces another file."""
    refused: set[str] = set()
    while True:
        name = name_for(wall, lambda candidate: candidate in refused or taken(candidate))
        if _rename_if_free(folder, temporary, name):
            return name
        refused.add(name)


def _rename_if_free(folder: int, old: str, new: str) -> bool:
    """Rename unless the new name is taken; returns whether it was free."""
    if _libc.renameat2(folder, old.encode(), folder, new.encode(), _RENAME_NOREPLACE) == 0:
        return True
    code = ctypes.get_errno()
    if code == errno.EEXIST:
        return False
    if code not in _NO_FLAGS_HERE:
        raise OSError(code, os.strerror(code), new)
    try:  # file systems such as NFS do not know the flag, and do know links
        os.link(old, new, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    except FileExistsError:
        return False
    os.unlink(old, dir_fd=folder)
    return True


def _fault(folder: int, name: str) -> str | None:
    """Why a file is no whole picture; None if it is one."""
    descriptor = os.open(
        name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder
    )
    try:
        size = os.fstat(descriptor).st_size
        if size == 0:
            return "it is empty"
        ends = os.pread(descriptor, 2, 0) + os.pread(descriptor, 2, max(0, size - 2))
        return None if is_whole(ends) else "it is cut short"
    finally:
        os.close(descriptor)


def _no_such(name: str) -> InvalidArgumentError:
    return InvalidArgumentError.at("/filename", f"there is no picture {name}")


@contextmanager
def _our_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _translated(error, folder) from error


def _translated(error: OSError, folder: Path) -> CinepiError:
    reason = error.strerror or str(error)
    if error.errno in _FULL:
        return StorageFullError(f"the disk under {folder} is full: {reason}")
    if error.errno in _REFUSED:
        return PermissionDeniedError(
            f"the system refused access to {folder}: {reason}; check its owner, and whether the "
            "disk is mounted read-only"
        )
    hint = "; the card or disk may be failing" if error.errno == errno.EIO else ""
    return InternalError(f"the disk under {folder} failed: {reason}{hint}")
