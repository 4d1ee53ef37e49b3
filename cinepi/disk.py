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
)

_TEMPORARY = ".cinepi_"
_SUFFIX = ".tmp"
_NO_FLAGS_HERE = {errno.EINVAL, errno.ENOSYS}
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
    errno.ESTALE: (InternalError, _GONE),
    errno.ENOTCONN: (InternalError, _GONE),
    errno.ENODEV: (InternalError, _GONE),
    errno.ENXIO: (InternalError, _GONE),
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


@contextmanager
def speaking_of(path: Path, verb: str) -> Iterator[None]:
    """Turn what the system says about `path` into an error of ours; not `FileNotFoundError`.

    Raises:
        StorageFullError: No space is left, or no quota.
        PermissionDeniedError: Naming whose the file or folder is that stands in the way.
        ConflictError: Something else is in its place.
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

    What is missing or in the way there is no mistake of whoever asks: `InternalError`.
    """
    try:
        yield
    except OSError as error:
        kind, words = _meaning(error, folder)
        kind = InternalError if kind is ConflictError else kind
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
