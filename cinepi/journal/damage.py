"""A damaged database: noticed, put aside with what could be saved of it, and begun anew."""

import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from cinepi.clock import Clock
from cinepi.journal.database import Database, legible_text
from cinepi.journal.failure import is_damage, suspect_mark, translated
from cinepi.journal.net import understood
from cinepi.journal.tally import TALLY_KEY, Tally, load_tally
from cinepi.units import Bytes

FULL_CHECK_LIMIT: Bytes = 128 * 1024 * 1024
"""Up to this size every start checks all pages: 0.1 s here, some seconds from a slow card."""

_BOUNDED_TABLES = ("state", "request", "event")
_KEPT = 3  # damaged databases, for whoever wants to look at them
_COMPANIONS = ("", "-wal", "-shm")


@dataclass(frozen=True, slots=True)
class Opened:
    """A sound database.

    Attributes:
        database: Open, with all tables.
        damage: What was wrong with the one before, and where it is now; None if nothing.
    """

    database: Database
    damage: str | None


def open_sound(path: Path, clock: Clock) -> Opened:
    """Open the database at `path`; put it aside and begin anew if it is damaged.

    What the new one inherits, where it can still be read: the session, the values by key, and the
    last sequence number. If that cannot be read, sequence numbers go on from the milliseconds
    since 1970, which no device has reached by counting. It is made whole beside the damaged one
    before that is touched, so that whatever ends the process meanwhile costs nothing of it.

    Raises:
        CinepiError: As `failure.translated` says; NotSupportedError for a newer schema.
    """
    with translated(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if _heir(path).exists():
            return _succeed(path, clock, "and its replacement was cut short")
        try:
            database = Database(path)
            problem = _problem(database, is_suspect=suspect_mark(path).exists())
            if problem is None:
                suspect_mark(path).unlink(missing_ok=True)
                return Opened(database, None)
            database.close()
        except sqlite3.Error as error:
            if not is_damage(error):
                raise
            problem = str(error)
        _make_heir(path, clock)
        return _succeed(path, clock, f"({problem})")


def _heir(path: Path) -> Path:
    """The next database, which is whole from the moment on that it has this name."""
    return path.with_name(f"{path.name}.next")


def _make_heir(path: Path, clock: Clock) -> None:
    making = path.with_name(f"{path.name}.making")
    _remove(making)
    database = Database(making)
    try:
        database.execute("BEGIN")
        for key, value in _save_state(path, clock).items():
            database.execute("INSERT INTO state (key, value) VALUES (?, ?)", (key, value))
        database.execute("COMMIT")
    finally:
        database.close()
    making.rename(_heir(path))


def _succeed(path: Path, clock: Clock, problem: str) -> Opened:
    """Let the next database take the place of the damaged one."""
    aside = _put_aside(path, clock)
    _heir(path).rename(path)
    suspect_mark(path).unlink(missing_ok=True)
    database = Database(path)
    return Opened(database, f"{path.name} was damaged {problem} and is kept as {aside.name}")


def _problem(database: Database, *, is_suspect: bool) -> str | None:
    """Check all of a small or suspect database, and of a large one what does not grow with it."""
    try:
        if is_suspect or database.path.stat().st_size <= FULL_CHECK_LIMIT:
            found = database.problems(is_thorough=is_suspect)
        else:
            each = (database.problems(table) for table in _BOUNDED_TABLES)
            found = next((problem for problem in each if problem), None)
        return found or _tally_problem(database)
    except sqlite3.Error:
        database.close()
        raise


def _tally_problem(database: Database) -> str | None:
    """A disk may return wrong bytes inside a row, which SQLite's checks cannot see."""
    [(rows,)] = database.execute("SELECT count(*) FROM state WHERE key = ?", (TALLY_KEY,))
    return "its tally is unreadable" if rows and load_tally(database) is None else None


def _put_aside(path: Path, clock: Clock) -> Path:
    stamp = datetime.fromtimestamp(clock.wall()).astimezone().strftime("%Y%m%d_%H%M%S")
    aside = path.with_name(f"{path.name}.broken-{stamp}")
    number = 0
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}.broken-{stamp}_{number:02}")
    for companion in _COMPANIONS:
        with suppress(FileNotFoundError):
            Path(f"{path}{companion}").rename(f"{aside}{companion}")
    broken = sorted(path.parent.glob(f"{path.name}.broken-*[0-9]"), key=_age)
    for old in broken[:-_KEPT]:
        _remove(old)
    return aside


def _remove(database: Path) -> None:
    for companion in _COMPANIONS:
        Path(f"{database}{companion}").unlink(missing_ok=True)


def _age(path: Path) -> float:
    return path.stat().st_mtime


def _save_state(broken: Path, clock: Clock) -> dict[str, bytes]:
    """Read what there is of the state; the tally of captures starts at zero with the new index."""
    saved: dict[str, bytes] = {}
    newest, readers = 0, {}
    with suppress(sqlite3.Error), closing(sqlite3.connect(broken)) as connection:
        connection.text_factory = legible_text
        saved.update(connection.execute("SELECT key, value FROM state"))
    with suppress(sqlite3.Error), closing(sqlite3.connect(broken)) as connection:
        newest = connection.execute("SELECT max(seq) FROM event").fetchone()[0] or 0
    if tally := understood(saved.get(TALLY_KEY), Tally, "the tally of the damaged journal"):
        newest = max(newest, tally.last_seq)
        readers = tally.readers
    unknown_before = 0 if newest else int(clock.wall() * 1000)
    last_seq = newest or unknown_before
    anew = Tally(
        last_seq=last_seq,
        first_seq=last_seq + 1,
        unknown_before=unknown_before,
        readers=readers,
    )
    return {**saved, TALLY_KEY: msgspec.json.encode(anew)}
