import os
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from cinepi.clock import SystemClock
from cinepi.errors import (
    ConflictError,
    InternalError,
    NotSupportedError,
    PermissionDeniedError,
)
from cinepi.journal.journal import Journal
from cinepi.model.events import CameraLost, StorageRecovered

PAGE = 2048


def fill(journal: Journal, events: int = 200) -> None:
    """Give the journal a session, a value and enough events for many pages."""
    with journal.transaction() as transaction:
        transaction.save_session(b'{"id":"one"}')
        transaction.set_value("revision", "7")
        for number in range(events):
            transaction.append(StorageRecovered(free_bytes=number))


def broken(path: Path) -> list[str]:
    """Names of databases that were put aside."""
    return [one.name for one in path.parent.glob("journal.db.broken-*[0-9]")]


def overwrite(path: Path, pages: range) -> None:
    """Let the disk return rubbish for some pages."""
    with path.open("r+b") as file:
        for page in pages:
            file.seek(page * PAGE)
            file.write(b"\xa5" * PAGE)


def root_page(path: Path, table: str) -> int:
    """Where a table begins, counted from 0."""
    connection = sqlite3.connect(path)
    sql = "SELECT rootpage FROM sqlite_schema WHERE name = ?"
    page: int = connection.execute(sql, (table,)).fetchone()[0]
    connection.close()
    return page - 1


def test_a_sound_database_is_no_damage(reopen: Callable[..., Journal]) -> None:
    """Neither the first start nor a restart speaks of damage."""
    assert reopen().damage is None
    assert reopen().damage is None


def test_a_damaged_table_leaves_session_and_seq(path: Path, reopen: Callable[..., Journal]) -> None:
    """With the events unreadable, the session, the values and the numbering go on; it is said."""
    journal = reopen()
    fill(journal)
    journal.close()
    overwrite(path, range(root_page(path, "event"), root_page(path, "event") + 1))
    journal = reopen()
    assert journal.damage is not None
    [kept] = broken(path)
    assert kept in journal.damage
    assert journal.saved_session(dict) == {"id": "one"}
    assert journal.value("revision") == "7"
    assert journal.events(150, 9).lost == 50
    with journal.transaction() as transaction:
        assert transaction.append(StorageRecovered(free_bytes=1)) == 201
    assert journal.capture_totals() == (0, 0)
    assert reopen().damage is None


class PowerCut(Exception):  # noqa: N818 - no error of ours
    """Nothing is done after it."""


@pytest.mark.parametrize("done", range(8))
def test_a_replacement_that_is_cut_short_loses_nothing(
    path: Path, reopen: Callable[..., Journal], monkeypatch: pytest.MonkeyPatch, done: int
) -> None:
    """Power cuts come in series; whatever the second one leaves, the next start goes on."""
    journal = reopen()
    fill(journal)
    identity = journal.identity
    journal.close()
    overwrite(path, range(root_page(path, "event"), root_page(path, "event") + 1))
    left = done
    steps = {name: getattr(Path, name) for name in ("rename", "unlink")}

    def cut_short(name: str) -> Callable[..., object]:
        def step(file: Path, *args: object, **options: object) -> object:
            nonlocal left
            if not left:
                raise PowerCut
            left -= 1
            return steps[name](file, *args, **options)

        return step

    with monkeypatch.context() as until_then:
        for name in steps:
            until_then.setattr(Path, name, cut_short(name))
        with pytest.raises(PowerCut):
            reopen()
    journal = reopen()
    assert journal.damage is not None
    assert journal.identity == identity
    assert journal.saved_session(dict) == {"id": "one"}
    assert journal.value("revision") == "7"
    assert journal.last_seq == 200
    assert len(broken(path)) == 1
    assert reopen().damage is None


@pytest.mark.parametrize("content", [b"no database at all" * 500, b"SQLite format 3\0" + b"x" * 90])
def test_what_is_no_database_is_replaced(
    path: Path, reopen: Callable[..., Journal], content: bytes
) -> None:
    """With nothing readable, seq goes on far above any before, and the loss counts as one event."""
    path.parent.mkdir()
    path.write_bytes(content)
    journal = reopen()
    assert journal.damage is not None
    assert (path.parent / broken(path)[0]).read_bytes() == content
    assert journal.saved_session(dict) is None
    with journal.transaction() as transaction:
        seq = transaction.append(StorageRecovered(free_bytes=1))
    assert seq > 1_700_000_000_000
    result = journal.events(123, 9)
    assert ([entry.seq for entry in result.events], result.lost) == ([seq], 1)
    assert reopen().events(seq, 9).lost == 0


def test_a_truncated_file_is_replaced(path: Path, reopen: Callable[..., Journal]) -> None:
    """A file that lost its end is noticed at the start."""
    journal = reopen()
    fill(journal, 500)
    journal.close()
    os.truncate(path, path.stat().st_size // 2)
    assert reopen().damage is not None


def test_an_unreadable_tally_is_damage(path: Path, reopen: Callable[..., Journal]) -> None:
    """Wrong bytes in the one row that everything counts by are noticed, and counted anew."""
    journal = reopen()
    fill(journal)
    journal.close()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE state SET value = x'7b00' WHERE key = 'journal.tally'")
    connection.commit()
    connection.close()
    journal = reopen()
    assert journal.damage is not None
    assert journal.last_seq == 200


def test_damage_in_use_is_an_error_then_repaired_by_a_restart(
    path: Path, reopen: Callable[..., Journal]
) -> None:
    """Pages that turn bad while the journal is open make reads fail; the next start mends it."""
    journal = reopen()
    fill(journal)
    with journal.transaction() as transaction:
        for _ in range(3000):  # three times what SQLite keeps in memory
            transaction.append(CameraLost(message="x" * PAGE, rung="reopen"))
    journal.close()
    journal = reopen()
    overwrite(path, range(20, path.stat().st_size // PAGE))
    with pytest.raises(InternalError, match="damaged"):
        journal.events(0, 5000)
    assert path.with_name("journal.db.suspect").exists()
    journal = reopen()
    assert journal.damage is not None
    assert not path.with_name("journal.db.suspect").exists()
    assert journal.events(0, 1).events == ()


def test_few_damaged_databases_are_kept(path: Path, reopen: Callable[..., Journal]) -> None:
    """A dying card does not fill itself with broken databases."""
    for _ in range(6):
        journal = reopen()
        journal.close()
        path.write_bytes(b"broken" * 1000)
    reopen()
    assert len(broken(path)) == 3


def test_a_newer_schema_is_refused_and_left_alone(
    path: Path, reopen: Callable[..., Journal]
) -> None:
    """After a downgrade the error says what to do, and the file is as it was."""
    reopen().close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(NotSupportedError, match="schema 99"):
        reopen()
    assert path.read_bytes() == before
    assert broken(path) == []


def test_a_second_opener_is_refused(path: Path, journal: Journal) -> None:
    """Two services on one journal cannot be."""
    fill(journal)
    with pytest.raises(ConflictError, match="in use"):
        Journal(path, clock=SystemClock(), boot="second")


def test_a_clean_end_is_told_from_a_crash(path: Path, reopen: Callable[..., Journal]) -> None:
    """Only a journal that was not closed did not end cleanly."""
    journal = reopen()
    assert journal.ended_cleanly
    fill(journal)
    copies = {one.name: one.read_bytes() for one in path.parent.glob("journal.db*")}
    journal = reopen()
    assert journal.ended_cleanly
    journal.close()
    for name, content in copies.items():  # as a power cut would have left it
        (path.parent / name).write_bytes(content)
    journal = reopen()
    assert not journal.ended_cleanly
    assert journal.last_seq == 200
    assert reopen().ended_cleanly


def test_another_users_journal_is_named_with_its_owner() -> None:
    """A journal that root made is no failing disk to the service's own user."""
    if os.geteuid() != 0:
        pytest.skip("only root can be two users")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        path = Path(folder) / "journal.db"
        Journal(path, clock=SystemClock(), boot="0badcafe").close()
        os.seteuid(65534)
        try:
            with pytest.raises(PermissionDeniedError, match=f"{path} belongs to root"):
                Journal(path, clock=SystemClock(), boot="0badcafe")
        finally:
            os.seteuid(0)
