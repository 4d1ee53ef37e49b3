"""The folder of shots: whole files, never overwritten, on the disk before anyone is told.

A picture's name marks that its shot is whole: it is given last and taken away first.
"""

import errno
import hashlib
import os
import stat
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cinepi.capture import naming
from cinepi.capture.beside import Beside
from cinepi.capture.folder import KnownFolder
from cinepi.capture.publication import Publication, is_there, removed_or_left
from cinepi.clock import Clock
from cinepi.disk import opened, our_errors
from cinepi.errors import InvalidArgumentError
from cinepi.formats.contract import HEAD, Buffer
from cinepi.units import Bytes, WallTime


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a shot that will survive a power cut."""

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

    def __init__(self, folder: Path, clock: Clock, known: KnownFolder | None = None) -> None:
        """Use `folder`, which is made when the first picture is written.

        With `known`, nothing is done in a folder that is another one.
        """
        self.folder = folder
        self._clock = clock
        self._known = known
        self.removing = threading.Lock()
        self.vanished: dict[str, str] = {}
        self.leftover: set[str] = set()

    @property
    def has_changed(self) -> bool:
        """Whether the folder is not the known one: what it lacks is not deleted."""
        return self._known is not None and self._known.problem is not None

    def path(self, name: str) -> Path:
        """Where a picture of that name lies, or would."""
        return self.folder / name

    def write(
        self,
        files: Mapping[str, Sequence[Buffer]],
        wall: WallTime,
        taken: Callable[[str], bool] = lambda _: False,
    ) -> tuple[StoredFile, ...]:
        """Put a shot on the disk; when this returns it survives a power cut.

        Blocks for the write and two fsyncs, where there are companions for one more and one for
        each: milliseconds on a good disk, a second on a bad card. A companion that cannot be
        written is left out, and the log says so.

        Args:
            files: The bytes of each file, in order, by the ending of its name; the picture first.
            wall: When it was exposed; its name.
            taken: Stems that must not be used although no file has them.

        Returns:
            The picture, and then its companions.

        Raises:
            StorageFullError: No space, or over quota.
            PermissionDeniedError: The folder is read-only or not ours.
            InternalError: The disk failed; the message says how.
            ConflictError: There are 100 shots of that second.
        """
        digests = Beside(lambda: {key: _sha256(parts) for key, parts in files.items()}, "digest")
        with self._opened(make=True) as folder:
            publication = Publication(folder, self._clock)
            try:
                publication.write(files)
                publication.publish(wall, taken)
            except BaseException:
                publication.withdraw()
                raise
            finally:
                self.leftover |= publication.left
        return tuple(
            StoredFile(name, self.path(name), sum(map(len, files[key])), digests.result()[key])
            for key, name in publication.names.items()
        )

    def delete(self, name: str) -> Bytes:
        """Remove a file of a shot and return its size; 0 if there is none.

        Call `flush` after the last picture, and only then delete what lay beside it.

        Raises:
            InvalidArgumentError: No file of a shot is called so.
            PermissionDeniedError: The folder is read-only or not ours.
        """
        naming.parse_name(name)
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
            return [name for name in names if not is_there(folder, name)]

    def check(self) -> None:
        """See whether pictures may be stored here at all, before the camera is asked for one.

        Raises:
            CinepiError: As `write` would.
        """
        with self._opened(make=True):
            pass

    def delete_companions(self, names: Iterable[str]) -> None:
        """Remove what lay beside pictures that are gone, and make that survive a power cut.

        What the disk refuses joins `leftover`: the picture is gone, and nothing is left to refuse.
        """
        with self._opened() as folder:
            self.leftover |= removed_or_left(folder, names)
            os.fsync(folder)

    def flush(self) -> None:
        """Make deletions survive a power cut."""
        with self._opened() as folder:
            os.fsync(folder)

    def open(self, name: str) -> int:
        """A descriptor to read a file from; the caller closes it. Follows no link.

        Raises:
            InvalidArgumentError: There is no such file.
        """
        naming.parse_name(name)
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
        """The whole of a file.

        Raises:
            InvalidArgumentError: There is no such picture.
            InternalError: The disk failed.
        """
        with our_errors(self.folder), os.fdopen(self.open(name), "rb") as file:
            return file.read()

    def head(self, name: str) -> tuple[bytes, Bytes]:
        """The first `HEAD` bytes of a file, with all that it says of itself, and its size.

        Raises:
            InvalidArgumentError: There is no such picture.
            InternalError: The disk failed.
        """
        with our_errors(self.folder), os.fdopen(self.open(name), "rb", buffering=0) as file:
            return file.read(HEAD), os.fstat(file.fileno()).st_size

    @contextmanager
    def _opened(self, *, make: bool = False) -> Iterator[int]:
        with opened(self.folder, make=make) as folder:
            if self._known is not None:
                self._known.check(folder)
            yield folder

    def disk(self) -> tuple[Bytes, Bytes]:
        """Free space for us, and the size of the file system under the folder.

        Raises:
            InternalError: The disk failed.
        """
        with our_errors(self.folder):
            status = _nearest_disk(self.folder)
        return status.f_bavail * status.f_frsize, status.f_blocks * status.f_frsize


def _nearest_disk(folder: Path) -> os.statvfs_result:
    """The file system that a folder is in, or will be once it is made."""
    try:
        return os.statvfs(folder)
    except (FileNotFoundError, NotADirectoryError):  # before the first picture
        if folder.is_symlink():  # to a disk that is not there, where no picture can go
            raise
        return _nearest_disk(folder.parent)


def _sha256(parts: Sequence[Buffer]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def _no_such(name: str) -> InvalidArgumentError:
    return InvalidArgumentError.at("/filename", f"there is no picture {name}")
