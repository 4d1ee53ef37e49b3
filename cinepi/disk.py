"""The folder of pictures as the system sees it, and what its refusals mean for people."""

import ctypes
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cinepi.clock import Clock
from cinepi.errors import CinepiError, InternalError, PermissionDeniedError, StorageFullError

_TEMPORARY = ".cinepi_"
_SUFFIX = ".tmp"
_NO_FLAGS_HERE = {errno.EINVAL, errno.ENOSYS}
_FULL = {errno.ENOSPC, errno.EDQUOT}
_REFUSED = {errno.EROFS, errno.EACCES, errno.EPERM}
_RENAME_NOREPLACE = 1  # linux/fs.h
_libc = ctypes.CDLL(None, use_errno=True)


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
def our_errors(folder: Path) -> Iterator[None]:
    """Turn the system's refusals into errors that say what they mean; see `opened`."""
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
