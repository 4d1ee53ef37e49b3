"""One SQLite connection for the whole process, and writing that survives a full disk."""

import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

from cinepi import systemd
from cinepi.errors import InternalError, NotSupportedError, StorageFullError
from cinepi.journal.ballast import Ballast
from cinepi.journal.failure import is_full, translated
from cinepi.units import Seconds

Row: TypeAlias = tuple[Any, ...]
Values: TypeAlias = Sequence[object]

_SCHEMA_FOLDER = Path(__file__).with_name("schema")
_STEPS_PER_NOTICE = 5_000_000  # of SQLite's machine: some seconds on the slowest board
_IN_USE_LIMIT: Seconds = 0.5  # how long to wait for a predecessor that is just closing

# Page size: a frame's transaction touches 7 pages, so pages of 2 KiB write 18 KB where those of
# 4 KiB write 31 KB, in the same time and with a file of the same size (benchmarks/journal.py).
# Exclusive: no second connection can come near (SQLite before 3.51.3 may corrupt a WAL database
# that two connections share), and no shared-memory file is needed, which a full disk would refuse.
# Secure delete: Debian's SQLite writes zeros over what is deleted, which here is no secret.
# Cache: 512 KiB hold what a frame touches; the default of 2 MB fills with what nobody asks for.
_SETTINGS = (
    "PRAGMA page_size = 2048",
    "PRAGMA locking_mode = EXCLUSIVE",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA secure_delete = OFF",
    "PRAGMA wal_autocheckpoint = 2000",
    "PRAGMA journal_size_limit = 4194304",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA cache_size = -512",
)


class Database:
    """The open database; all methods may be called from any thread."""

    def __init__(self, path: Path) -> None:
        """Open or make the file and bring its tables up to date; blocks for at most 0.5 s.

        A journal of an earlier version is brought up to date in one transaction: 2 s for 100,000
        pictures on a PC, in which systemd is asked for more time.

        Raises:
            sqlite3.Error: It cannot be opened, or is no database.
            NotSupportedError: A newer version of the product made it.
            StorageFullError: There is no room to bring it up to date; it is as it was.
        """
        self.path = path
        self.lock = threading.RLock()
        self._connection = sqlite3.connect(
            path,
            timeout=_IN_USE_LIMIT,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=64,
        )
        self._connection.text_factory = legible_text
        try:
            for pragma in _SETTINGS:
                self._connection.execute(pragma)
            self._migrate()
        except BaseException:
            self._connection.close()
            raise

    @property
    def is_in_transaction(self) -> bool:
        """Whether `begin` was called and the end has not come."""
        return self._connection.in_transaction

    def rows(self, sql: str, values: Values = ()) -> list[Row]:
        """All rows of a query, as the thread of an open transaction sees them.

        Raises:
            CinepiError: As `failure.translated` says.
        """
        with self.lock, translated(self.path):
            return self._connection.execute(sql, values).fetchall()

    def execute(self, sql: str, values: Values = ()) -> list[Row]:
        """Run one statement and return its rows; SQLite's errors pass."""
        return self._connection.execute(sql, values).fetchall()

    def problems(self, table: str | None = None, *, is_thorough: bool = False) -> str | None:
        """What is wrong in one table, or in all; reads every page of it.

        Thorough is to compare every index with its table, which takes several times as long.

        Raises:
            sqlite3.Error: It is too broken to be checked.
        """
        check = "integrity_check" if is_thorough else "quick_check"
        found = self.execute(f"PRAGMA {check}('{table}')" if table else f"PRAGMA {check}")
        return None if found[0][0] == "ok" else str(found[0][0])

    def close(self) -> None:
        """Close the file, after moving everything out of its write-ahead log."""
        with self.lock, translated(self.path):
            self._connection.close()

    def _migrate(self) -> None:
        steps = sorted(_SCHEMA_FOLDER.glob("[0-9]*.sql"))
        version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if version > len(steps):
            raise NotSupportedError(
                f"the journal {self.path} has schema {version}, and this version of CinePi knows "
                f"only up to {len(steps)}: install the newer version again, or move the file away"
            )
        for number, step in enumerate(steps[version:], start=version + 1):
            script = f"BEGIN IMMEDIATE; {step.read_text()}; PRAGMA user_version = {number}; COMMIT"
            self._connection.set_progress_handler(_go_on, _STEPS_PER_NOTICE)
            try:
                self._connection.executescript(script)
            except sqlite3.Error as error:
                if is_full(error) and version > 0:
                    raise self._no_room_to_migrate() from error
                raise
            finally:
                self._connection.set_progress_handler(None, 0)

    def _no_room_to_migrate(self) -> StorageFullError:
        needed = -(-2 * self.path.stat().st_size // 1_000_000)
        return StorageFullError(
            f"the journal {self.path} has to be written anew for this version, for which the disk "
            f"has no room; nothing was changed: free {needed} MB there, and the next start does it"
        )


def legible_text(text: bytes) -> str:
    """A wrong byte costs one character: Python's own way is to fail all that was asked for."""
    return text.decode(errors="replace")


def _go_on() -> int:
    """Ask systemd for the time that a migration takes; SQLite calls it meanwhile."""
    systemd.take_more_time("bringing the journal up to date")
    return 0


class Work:
    """One transaction that is run again from its start if the disk was full and has room now."""

    def __init__(self, database: Database, ballast: Ballast) -> None:
        """Begin; the database's lock must be held until `commit` or `rollback`.

        Raises:
            InternalError: This thread has begun one already.
        """
        if database.is_in_transaction:
            raise InternalError("a transaction of the journal was begun inside another one")
        self._database = database
        self._ballast = ballast
        self._done: list[tuple[str, Values]] = []
        self._database.execute("BEGIN IMMEDIATE")

    def run(self, sql: str, values: Values = ()) -> list[Row]:
        """Run one statement and return its rows; SQLite's errors pass."""
        try:
            rows = self._database.execute(sql, values)
        except sqlite3.Error as error:
            self._make_room_after(error)
            rows = self._database.execute(sql, values)
        self._done.append((sql, values))
        return rows

    def commit(self) -> None:
        """Make it durable: on return, all of it is on the disk; SQLite's errors pass."""
        try:
            self._database.execute("COMMIT")
        except sqlite3.Error as error:
            self._make_room_after(error)
            self._database.execute("COMMIT")
        self._ballast.restore()

    def rollback(self) -> None:
        """Undo all of it."""
        if self._database.is_in_transaction:  # SQLite undoes it itself after some errors
            self._database.execute("ROLLBACK")

    def _make_room_after(self, error: sqlite3.Error) -> None:
        if not is_full(error):
            raise error
        self.rollback()
        if not self._ballast.drop():
            raise error
        self._database.execute("BEGIN IMMEDIATE")
        for sql, values in self._done:
            self._database.execute(sql, values)
