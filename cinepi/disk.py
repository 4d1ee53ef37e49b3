"""Files and folders as the system sees them, and what its refusals mean for people."""

import ctypes
import errno
import os
import pwd
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cinepi.clock import Clock
from cinepi.errors import (
    CinepiError,
    ConflictError,
    InternalError,
    PermissionDeniedError,
    StorageFullError,
    StorageUnavailableError,
)

_TEMPORARY = ".cinepi_"
_SUFFIX = ".tmp"
_NO_FLAGS_HERE = {errno.EINVAL, errno.ENOSYS}
_OWN_MODE = 0o640
_RENAME_NOREPLACE = 1  # linux/fs.h
_libc = ctypes.CDLL(None, use_errno=True)

_GONE = "its disk or network drive has gone: is it plugged in, and mounted?"
_KINDS: dict[int | None, tuple[type[CinepiError], str]] = {
    errno.ENOSPC: (StorageFullError, ""),
    errno.EDQUOT: (StorageFullError, ""),
    errno.EACCES: (PermissionDeniedError, ""),  # `hindrance` finds out why
    errno.EPERM: (PermissionDeniedError, ""),
    errno.EROFS: (PermissionDeniedError, "the disk is mounted read-only"),
    errno.ENOTDIR: (ConflictError, ""),  # a file in a folder's place, a link to itself
    errno.EEXIST: (ConflictError, ""),
    errno.ELOOP: (ConflictError, ""),
    errno.EBUSY: (InternalError, "it is a mount of its own, or in use: mount its folder instead"),
    errno.EIO: (InternalError, "the card or disk may be failing"),
    errno.ESTALE: (StorageUnavailableError, _GONE),
    errno.ENOTCONN: (StorageUnavailableError, _GONE),
    errno.ENODEV: (StorageUnavailableError, _GONE),
    errno.ENXIO: (StorageUnavailableError, _GONE),
}
"""What the system says: the error of ours that it is, and what a person can do about it."""

_NOT_THERE = {errno.ENOENT, errno.EEXIST}  # the latter says mkdir of a link to nothing


def temporary_name(clock: Clock) -> str:
    """A name for a file that is being written; nobody else uses it."""
    return f"{_TEMPORARY}{os.getpid()}_{clock.monotonic():.9f}{_SUFFIX}"


def is_leftover(name: str) -> bool:
    """Whether a file was being written when its writer died."""
    return name.startswith(_TEMPORARY) and name.endswith(_SUFFIX)


@contextmanager
def opened(folder: Path, *, make: bool = False) -> Iterator[int]:
    """A descriptor of the folder, opened anew each time: a stick may have been mounted over it.

    Raises:
        StorageFullError: No space, or over quota; this and the next also for what is done with it.
        PermissionDeniedError: The folder is read-only or not ours.
        StorageUnavailableError: The folder is not there: its disk has gone, or was never mounted.
        InternalError: The disk failed; the message says how.
    """
    with our_errors(folder):
        if make and not folder.exists():
            folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield descriptor
        finally:
            os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make new, renamed and deleted names in a folder survive a power cut.

    Raises:
        OSError: The system refuses.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def rename_if_free(folder: int, old: str, new: str) -> bool:
    """Rename unless the new name is taken; returns whether it was free. Overwrites nothing.

    Not every file system can do that in one step. NFS cannot, and knows links. exFAT, FAT and what
    rclone mounts know neither: there the name is made one's own with an empty file, which the
    rename then replaces. A kill between the two leaves the empty file, and the next look at the
    folder removes it.

    Raises:
        OSError: The system refuses.
    """
    if _libc.renameat2(folder, old.encode(), folder, new.encode(), _RENAME_NOREPLACE) == 0:
        return True
    code = ctypes.get_errno()
    if code == errno.EEXIST:
        return False
    if code not in _NO_FLAGS_HERE:
        raise OSError(code, os.strerror(code), new)
    try:
        os.link(old, new, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    except FileExistsError:
        return False
    except OSError:  # EPERM says exFAT, and EIO rclone: what is really wrong the last resort finds
        return _rename_over_own(folder, old, new)
    os.unlink(old, dir_fd=folder)
    return True


def _rename_over_own(folder: int, old: str, new: str) -> bool:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        os.close(os.open(new, flags, _OWN_MODE, dir_fd=folder))
    except FileExistsError:
        return False
    try:
        os.rename(old, new, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with suppress(OSError):
            os.unlink(new, dir_fd=folder)
        raise
    return True


def try_out(folder: Path, clock: Clock) -> None:
    """Do in a folder what a picture needs, and leave nothing: write, rename, sync, delete.

    Raises:
        CinepiError: Saying what cannot be done; see `opened`.
    """
    old = temporary_name(clock)
    new = old.removesuffix(_SUFFIX) + "_renamed" + _SUFFIX
    with opened(folder) as descriptor:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        file = os.open(old, flags, _OWN_MODE, dir_fd=descriptor)
        try:
            try:
                os.write(file, b"\0")
                os.fsync(file)
            finally:
                os.close(file)
            rename_if_free(descriptor, old, new)
            os.fsync(descriptor)
        finally:
            for name in (old, new):
                with suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=descriptor)


@contextmanager
def speaking_of(path: Path, verb: str) -> Iterator[None]:
    """Turn what the system says about `path` into an error of ours; not `FileNotFoundError`.

    Raises:
        StorageFullError: No space is left, or no quota.
        PermissionDeniedError: Naming whose the file or folder is that stands in the way.
        ConflictError: Something else is in its place.
        StorageUnavailableError: The disk, or the machine that has it, has gone.
        InternalError: Anything else.
    """
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        kind, words = _meaning(error, path)
        raise kind(f"cannot {verb} {path}: {words}") from error


@contextmanager
def our_errors(folder: Path) -> Iterator[None]:
    """Turn the system's refusals about the folder of the pictures into errors; see `opened`.

    A folder that is not there, or has something else in its place, is no mistake of whoever asks.
    """
    try:
        yield
    except OSError as error:
        kind, words = _meaning(error, folder)
        if kind is ConflictError or error.errno == errno.ENOENT:
            kind = StorageUnavailableError
        raise kind(f"cannot use {folder}: {words}") from error


def hindrance(path: Path) -> str:
    """Why this process may not use a file or folder: whose it is; empty if that is not the reason.

    Speaks of the first that stands in the way: a folder above it that may not be entered, the file
    itself, or the folder in which it would be made.
    """
    for each, mode in _needed(path):
        try:
            owner = each.stat().st_uid
        except OSError:
            continue
        if not os.access(each, mode, effective_ids=True):
            return _whose(each, owner)
    return _stuck(path)


def _stuck(path: Path) -> str:
    """Whose a file is in a folder such as /tmp, where only the owner may replace it; else empty."""
    with suppress(OSError):
        folder, owner = path.parent.stat(), path.lstat().st_uid
        if folder.st_mode & stat.S_ISVTX and os.geteuid() not in (owner, folder.st_uid):
            return _whose(path, owner)
    return ""


def _needed(path: Path) -> Iterator[tuple[Path, int]]:
    """What must be allowed to read and replace a file, or to work in a folder."""
    for above in reversed(path.parents):
        yield above, os.X_OK
    is_folder = False
    with suppress(OSError):
        is_folder = path.is_dir()
    if is_folder:
        yield path, os.R_OK | os.W_OK | os.X_OK
        return
    yield path, os.R_OK
    nearest = next((above for above in path.parents if os.path.lexists(above)), path.parent)
    yield nearest, os.W_OK
    yield path, os.W_OK


def _whose(path: Path, owner: int) -> str:
    if owner == os.geteuid():
        return f"the mode of {path} does not allow it to its owner, {user_name(owner)}"
    return f"{path} belongs to {user_name(owner)}; this program runs as {user_name(os.geteuid())}"


def user_name(number: int) -> str:
    """What a user is called here."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"


def _meaning(error: OSError, path: Path) -> tuple[type[CinepiError], str]:
    """The error of ours that it is, and what is wrong, in words."""
    kind, advice = _KINDS.get(error.errno, (InternalError, ""))
    if error.errno in _NOT_THERE and (broken := _broken_link(path)):
        return kind, f"{broken}: is the disk mounted?"
    if kind is PermissionDeniedError:
        advice = advice or hindrance(path)
    reason = error.strerror or str(error)
    return kind, f"{reason}; {advice}" if advice else reason


def _broken_link(path: Path) -> str:
    """That a path, or a folder above it, is a link to nothing; empty if none is."""
    with suppress(OSError):
        for each in (path, *path.parents):
            if each.is_symlink() and not each.exists():
                return f"{each} is a link to {each.readlink()}, which is not there"
    return ""
