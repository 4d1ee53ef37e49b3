"""The folder of shots: whole files, never overwritten, on the disk before anyone is told.

A picture's name marks that its shot is whole: it is given last and taken away first. So whoever
finds a companion without its picture, after a kill at any moment, knows that the shot is not whole.
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
from cinepi.clock import Clock
from cinepi.disk import opened, our_errors, rename_if_free, temporary_name
from cinepi.errors import InvalidArgumentError
from cinepi.formats.contract import HEAD, Buffer
from cinepi.logs.setup import logger
from cinepi.stem import stem_for
from cinepi.units import Bytes, WallTime

_FILE_MODE = 0o640

_log = logger("store")


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
        present: dict[str, str] = {}
        with self._opened(make=True) as folder:
            try:
                self._write_temporaries(folder, files, present)
                self._publish(folder, present, wall, taken)
                os.fsync(folder)
            except BaseException:
                for name in present.values():
                    self._drop(folder, name)
                raise
        return tuple(
            StoredFile(name, self.path(name), sum(map(len, files[key])), digests.result()[key])
            for key, name in present.items()
        )

    def _write_temporaries(
        self, folder: int, files: Mapping[str, Sequence[Buffer]], present: dict[str, str]
    ) -> None:
        """Write each file under a name that no start takes for a picture; notes them in `present`.

        The picture comes first, so that what is left of the disk is its own.
        """
        picture, *companions = files
        present[picture] = temporary_name(self._clock)
        _write_new(folder, present[picture], files[picture])
        for ending in companions:
            present[ending] = temporary_name(self._clock)
            try:
                _write_new(folder, present[ending], files[ending])
            except OSError as error:
                self._give_up(folder, present, ending, error)

    def _publish(
        self, folder: int, present: dict[str, str], wall: WallTime, taken: Callable[[str], bool]
    ) -> None:
        """Give the files of a shot their names, under the first stem that is free for all of them.

        Never replaces another file. `present` follows: it has the name that each file has now. The
        picture is named when the names of its companions are on the disk, for a power cut may undo
        renames in any order.
        """
        refused: set[str] = set()
        picture = next(iter(present))

        def is_refused(stem: str) -> bool:
            return stem in refused or taken(stem) or _is_in_use(folder, stem, present)

        while True:
            stem = stem_for(wall, is_refused)
            refused.add(stem)
            if not self._publish_companions(folder, present, stem):
                continue
            if len(present) > 1:
                os.fsync(folder)
            if _named(folder, present, stem, picture):
                return

    def _publish_companions(self, folder: int, present: dict[str, str], stem: str) -> bool:
        """Whether that stem was free for all of them."""
        for ending in list(present)[1:]:
            try:
                if not _named(folder, present, stem, ending):
                    return False
            except OSError as error:
                self._give_up(folder, present, ending, error)
        return True

    def _give_up(self, folder: int, present: dict[str, str], ending: str, error: OSError) -> None:
        """Go on without a companion: it never costs the picture."""
        _log.warning("companion not kept", ending=ending, reason=error.strerror)
        self._drop(folder, present.pop(ending))

    def _drop(self, folder: int, name: str) -> None:
        try:
            os.unlink(name, dir_fd=folder)
        except FileNotFoundError:
            pass
        except OSError:  # what went wrong first is what matters
            if naming.understood(name):  # the next start removes all others
                self.leftover.add(name)

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
            return [name for name in names if not _is_there(folder, name)]

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
            for name in names:
                self._drop(folder, name)
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
        if folder.is_symlink():  # to a disk that is not there, where no picture can go
            raise
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


def _named(folder: int, present: dict[str, str], stem: str, ending: str) -> bool:
    name = naming.file_name(stem, ending)
    is_free = rename_if_free(folder, present[ending], name)
    if is_free:
        present[ending] = name
    return is_free


def _is_in_use(folder: int, stem: str, present: Mapping[str, str]) -> bool:
    """Whether somebody's file has that stem; our own may have it from an attempt before."""
    names = {naming.file_name(stem, ending) for ending in naming.endings()}
    return any(_is_there(folder, name) for name in names.difference(present.values()))


def _no_such(name: str) -> InvalidArgumentError:
    return InvalidArgumentError.at("/filename", f"there is no picture {name}")
