"""Whole files only: small text files that are read, written and replaced with care.

A file is written under another name, synced, and renamed over the old one, so that a reader, or a
power cut, finds the whole old file or the whole new one.
"""

import os
import stat
from contextlib import suppress
from pathlib import Path

from cinepi.disk import speaking_of, sync_folder
from cinepi.errors import ConflictError, TooLargeError
from cinepi.units import Bytes

_UNFINISHED = ".new"
_MODE = 0o640  # of a new file: the service's user writes, its group reads


def read(path: Path, *, max_bytes: Bytes, is_ours: bool = True) -> str:
    """Read a text file; never waits for a writer.

    Args:
        path: The file.
        max_bytes: What is accepted.
        is_ours: Whether anything else in its place is to be moved away.

    Raises:
        FileNotFoundError: There is none.
        UnicodeDecodeError: It is not UTF-8.
        TooLargeError: It has more than `max_bytes`.
        ConflictError: It is a folder, a device, or a link to itself.
        PermissionDeniedError: The system does not allow it.
        InternalError: The system fails otherwise, such as a card that cannot be read.
    """
    with speaking_of(path, "read"):
        # Without O_NONBLOCK, a named pipe would wait for a writer.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            _check_is_file(path, os.fstat(handle).st_mode, is_in_the_way=is_ours)
            with os.fdopen(handle, "rb", closefd=False) as file:
                content = file.read(max_bytes + 1)
        finally:
            os.close(handle)
    if len(content) > max_bytes:
        raise TooLargeError(f"{path} has more than the {max_bytes} bytes that are accepted")
    return content.decode()


def write(path: Path, text: str, *, like: Path) -> None:
    """Make or replace a file, durably; owner and mode as of `like`, where that exists.

    Makes the folder where it is missing. Blocks until the disk has the file: some ms, on a busy
    card up to a second.

    Raises:
        ConflictError: A folder or a device is in its place.
        PermissionDeniedError: The system does not allow it.
        StorageFullError: No space is left; what was there before is untouched.
        InternalError: The system fails otherwise.
    """
    with speaking_of(path, "write"):
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            _check_is_file(path, path.lstat().st_mode, is_in_the_way=True)
        new = path.with_name(f".{path.name}{_UNFINISHED}")
        new.unlink(missing_ok=True)  # of a run that was killed
        try:
            _write_new(new, text.encode(), like)
            new.replace(path)
        except BaseException:
            new.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def sweep(folder: Path) -> None:
    """Remove files that `write` had not finished when its process was killed.

    Raises:
        PermissionDeniedError: The system does not allow it.
        InternalError: The system fails otherwise.
    """
    with speaking_of(folder, "tidy"):
        for left in folder.glob(f".cinepi*{_UNFINISHED}"):
            left.unlink()


def keep_as(path: Path, name: str) -> None:
    """Give a file a second name in its folder; what cannot have two gets the new one only.

    With two names, a kill before the file is replaced leaves it as it was. A file that has the
    second name already gives way.

    Raises:
        FileNotFoundError: There is no file.
        PermissionDeniedError: The system does not allow it.
        InternalError: The system fails otherwise.
    """
    second = path.with_name(name)
    with speaking_of(path, "rename"):
        second.unlink(missing_ok=True)
        try:
            second.hardlink_to(path)
        except FileNotFoundError:
            raise
        except OSError:  # another's file, or a file system without links
            path.replace(second)
        sync_folder(path.parent)


def _write_new(path: Path, content: bytes, like: Path) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE)
    with os.fdopen(handle, "wb") as file:
        _copy_owner_and_mode(handle, like)
        file.write(content)
        file.flush()
        os.fsync(handle)


def _copy_owner_and_mode(handle: int, like: Path) -> None:
    try:
        old = like.stat()
    except FileNotFoundError:
        os.fchmod(handle, _MODE)  # whatever the umask
        return
    with suppress(PermissionError):  # only root may give a file away, and a group one is in
        os.fchown(handle, -1, old.st_gid)
        os.fchown(handle, old.st_uid, -1)
    os.fchmod(handle, stat.S_IMODE(old.st_mode) | 0o600)  # or it could not be read next time


def _check_is_file(path: Path, mode: int, *, is_in_the_way: bool) -> None:
    if not stat.S_ISREG(mode):
        what = "a folder" if stat.S_ISDIR(mode) else "a device or a link"
        advice = "; move it away" if is_in_the_way else ""
        raise ConflictError(f"{path} is {what}, not a file{advice}")
