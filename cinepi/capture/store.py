"""The folder of pictures: whole files, never overwritten, on the disk before anyone is told."""

import errno
import hashlib
import os
import stat
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cinepi.capture.beside import Beside
from cinepi.capture.naming import is_name, name_for, parse_name
from cinepi.clock import Clock
from cinepi.disk import opened, our_errors, rename_if_free, temporary_name
from cinepi.errors import InvalidArgumentError
from cinepi.formats.jpg import Buffer
from cinepi.units import Bytes, WallTime

HEAD: Bytes = 128 * 1024
"""A JPEG's facts stand in front: EXIF has at most 64 KiB, and the size follows it."""

_FILE_MODE = 0o640


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A picture that will survive a power cut."""

    name: str
    path: Path
    size: Bytes
    sha256: str


class Store:
    """The only writer of the folder; its methods may be called by any thread.

    Attributes:
        vanished: Pictures that were deleted and that the index does not know to be gone, since the
            disk or the journal failed then; each with the reason of its deletion.
        leftover: Files of pictures that were not kept, and that could not be deleted then.
        removing: Held while files go whose rows go after them: who compares the two must wait.
    """

    def __init__(
        self, folder: Path, clock: Clock, check: Callable[[int], None] = lambda _: None
    ) -> None:
        """Use `folder`, which is made when the first picture is written.

        `check` is given a descriptor of the folder before anything is done in it, and raises where
        that is not to be.
        """
        self.folder = folder
        self._clock = clock
        self._check = check
        self.removing = threading.Lock()
        self.vanished: dict[str, str] = {}
        self.leftover: set[str] = set()

    def path(self, name: str) -> Path:
        """Where a picture of that name lies, or would."""
        return self.folder / name

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
            temporary = temporary_name(self._clock)
            present = temporary
            try:
                _write_new(folder, temporary, parts)
                present = name = _publish(folder, temporary, wall, taken)
                os.fsync(folder)
            except BaseException:
                self._drop(folder, present)
                raise
        size = sum(len(part) for part in parts)
        return StoredFile(name, self.path(name), size, digest.result())

    def _drop(self, folder: int, name: str) -> None:
        try:
            os.unlink(name, dir_fd=folder)
        except FileNotFoundError:
            pass
        except OSError:  # what went wrong first is what matters
            if is_name(name):  # the next start removes all others
                self.leftover.add(name)

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

    def missing(self, names: Iterable[str]) -> list[str]:
        """Those of the names of which the folder has nothing."""
        with self._opened() as folder:
            return [name for name in names if not _is_there(folder, name)]

    def check(self) -> None:
        """See whether pictures may be stored here at all, before the camera is asked for one.

        Raises:
            CinepiError: As `write` would.
        """
        with self._opened(make=True):
            pass

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
        with our_errors(self.folder), os.fdopen(self.open(name), "rb") as file:
            return file.read()

    def head(self, name: str) -> tuple[bytes, Bytes]:
        """The first `HEAD` bytes of a picture, with all that it says of itself, and its size.

        Raises:
            InvalidArgumentError: There is no such picture.
            InternalError: The disk failed.
        """
        with our_errors(self.folder), os.fdopen(self.open(name), "rb", buffering=0) as file:
            return file.read(HEAD), os.fstat(file.fileno()).st_size

    @contextmanager
    def _opened(self, *, make: bool = False) -> Iterator[int]:
        with opened(self.folder, make=make) as folder:
            self._check(folder)
            yield folder

    def disk(self) -> tuple[Bytes, Bytes]:
        """Free space for us, and the size of the file system under the folder.

        Raises:
            InternalError: The disk failed.
        """
        with our_errors(self.folder):
            status = _nearest_disk(self.folder)
        return status.f_bavail * status.f_frsize, status.f_blocks * status.f_frsize


def _is_there(folder: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _nearest_disk(folder: Path) -> os.statvfs_result:
    """The file system that a folder is in, or will be once it is made."""
    try:
        return os.statvfs(folder)
    except (FileNotFoundError, NotADirectoryError):  # before the first picture
        return _nearest_disk(folder.parent)


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
        if rename_if_free(folder, temporary, name):
            return name
        refused.add(name)


def _no_such(name: str) -> InvalidArgumentError:
    return InvalidArgumentError.at("/filename", f"there is no picture {name}")
