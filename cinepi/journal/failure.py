"""What SQLite's failures mean for the product."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cinepi.disk import hindrance
from cinepi.errors import (
    CinepiError,
    ConflictError,
    InternalError,
    PermissionDeniedError,
    StorageFullError,
)

_PRIMARY = 0xFF  # the low byte of an extended result code
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_REFUSED = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}
_IO = {sqlite3.SQLITE_IOERR}  # also of files beside the database that belong to somebody else
_IN_USE = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def is_full(error: sqlite3.Error) -> bool:
    """Whether the disk had no space for it."""
    return _code(error) == sqlite3.SQLITE_FULL


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file is no database, or a broken one."""
    return _code(error) in _DAMAGE


def suspect_mark(path: Path) -> Path:
    """The file whose presence says that the database at `path` was found damaged while in use."""
    return path.with_name(path.name + ".suspect")


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Raise our errors in place of SQLite's; damage is remembered for the next start.

    Raises:
        StorageFullError: No space.
        PermissionDeniedError: The file or its folder may not be opened or written.
        ConflictError: Another process has it open.
        InternalError: Anything else.
    """
    try:
        yield
    except sqlite3.Error as error:
        if is_damage(error):
            with suppress(OSError):  # a mark that cannot be set leaves only a shorter check
                suspect_mark(path).touch()
        raise _ours(path, error) from error


def _ours(path: Path, error: sqlite3.Error) -> CinepiError:
    code = _code(error)
    if code == sqlite3.SQLITE_FULL:
        return StorageFullError(f"no space is left for the journal {path}")
    if (code in _REFUSED or code in _IO) and (words := _hindrance(path)):
        return PermissionDeniedError(f"the journal {path} cannot be opened or written: {words}")
    if code in _REFUSED:
        return PermissionDeniedError(f"the journal {path} cannot be opened or written: {error}")
    if code in _IN_USE:
        return ConflictError(f"the journal {path} is in use by another process")
    if code in _DAMAGE:
        return InternalError(f"the journal {path} is damaged ({error}); a restart makes a new one")
    return InternalError(f"the journal {path} failed: {error}")


def _hindrance(path: Path) -> str:
    """Whose the database is, or its write-ahead log; empty if this program may use both."""
    return hindrance(path) or hindrance(path.with_name(path.name + "-wal"))


def _code(error: sqlite3.Error) -> int:
    """The primary result code; 0 where Python's own module complained, as about a closed one."""
    return getattr(error, "sqlite_errorcode", 0) & _PRIMARY
