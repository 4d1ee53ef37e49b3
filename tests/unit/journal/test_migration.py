"""A journal that the version before shots wrote is taken up as it is."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import msgspec
import pytest

from cinepi.journal.database import Row
from cinepi.journal.filter import Filter
from cinepi.journal.journal import Journal
from cinepi.model.documents import CaptureDocument
from cinepi.timing.session import Session
from tests.unit.journal import version1
from tests.unit.journal.test_captures import capture
from tests.unit.journal.test_full_disk import OWN_MOUNTS, may_mount

BACKWARDS = frozenset({300, 700})
CAPTURES = 1000
NAMES = {1: "SELECT filename FROM capture", 2: "SELECT stem FROM capture"}


@pytest.fixture
def old(path: Path) -> Path:
    """A journal of 1,000 pictures, during which the clock was set back twice."""
    version1.write(path, CAPTURES, backwards=BACKWARDS)
    return path


def version(path: Path) -> int:
    """The version of the tables, as SQLite reads it."""
    connection = sqlite3.connect(path)
    [(found,)] = connection.execute("PRAGMA user_version")
    connection.close()
    assert isinstance(found, int)
    return found


def rows(path: Path, sql: str) -> list[Row]:
    """All that an earlier or later version would read."""
    connection = sqlite3.connect(path)
    found = connection.execute(sql).fetchall()
    connection.close()
    return found


def test_nothing_is_lost_and_nothing_comes_twice(old: Path, reopen: Callable[..., Journal]) -> None:
    """Every picture, event and total is there, and so is the session."""
    documents = rows(old, "SELECT document FROM capture ORDER BY id DESC")
    journal = reopen()
    assert journal.damage is None
    listed = journal.captures(Filter(), limit=CAPTURES).captures
    assert list(listed) == [msgspec.json.decode(raw, type=CaptureDocument) for (raw,) in documents]
    assert journal.capture_names() == {version1.name(number) for number in range(CAPTURES)}
    assert journal.capture_totals() == (CAPTURES, CAPTURES * version1.SIZE)
    seqs = [entry.seq for entry in journal.events(0, 10_000).events]
    assert seqs == list(range(1, CAPTURES + 1))
    session = journal.saved_session(Session)
    assert session is not None
    assert (session.id, session.state) == (version1.SESSION, "active")
    assert (session.frames, session.slot) == (CAPTURES, CAPTURES)
    assert journal.identity == "f00d"
    assert reopen().last_seq == CAPTURES


@pytest.mark.usefixtures("old")
def test_the_order_of_taking_stays(reopen: Callable[..., Journal]) -> None:
    """Though the clock was set back, and what is taken or found next has its place in it."""
    journal = reopen()
    newest = journal.newest_capture()
    assert newest is not None
    assert newest.filename == version1.name(CAPTURES - 1)
    assert next(journal.oldest_captures()) == (version1.name(0), version1.SIZE)
    with journal.transaction() as tx:
        tx.add_capture(capture(1, at=version1.START + 20.0), is_found=True)
        tx.add_capture(capture(2, at=version1.START))
    assert [name for name, _ in islice(journal.oldest_captures(), 2)] == [
        capture(1).filename,
        version1.name(0),
    ]
    assert [one.filename for one in journal.captures(Filter(), limit=2).captures] == [
        capture(2).filename,
        version1.name(CAPTURES - 1),
    ]


def test_times_are_found_over_the_steps_of_the_clock(
    old: Path, reopen: Callable[..., Journal]
) -> None:
    """Those of before and after each step, for a time that came twice."""
    moment = (version1.START + 30 * 250) * 1_000_000
    taken: dict[str, int] = dict(rows(old, "SELECT filename, taken_us FROM capture"))
    journal = reopen()
    for which in (Filter(since_us=moment), Filter(until_us=moment)):
        found = {name for name, _ in journal.matching_captures(which)}
        assert found == {name for name, at in taken.items() if which.has(at)}
        assert found


def test_an_empty_journal_is_taken_up(path: Path, reopen: Callable[..., Journal]) -> None:
    """That of a service which was started once and has taken nothing."""
    path.parent.mkdir()
    connection = sqlite3.connect(path)
    connection.executescript(version1.SCHEMA)
    connection.close()
    journal = reopen()
    assert journal.captures(Filter()).captures == ()
    with journal.transaction() as tx:
        tx.add_capture(capture(1))
    assert journal.newest_capture() == capture(1)


def test_an_unreadable_tally_is_damage_and_no_failed_start(
    old: Path, reopen: Callable[..., Journal]
) -> None:
    """The migration leaves it alone; the start finds it, and begins anew with the session."""
    with sqlite3.connect(old) as connection:
        connection.execute("UPDATE state SET value = X'7bff' WHERE key = 'journal.tally'")
    connection.close()
    journal = reopen()
    assert journal.damage is not None
    assert journal.saved_session(dict) == version1.session(CAPTURES)
    assert journal.last_seq == CAPTURES


KILLED = """
import sys
from pathlib import Path
from cinepi.journal.database import Database
print("begins", flush=True)
Database(Path(sys.argv[1]))
print("done", flush=True)
"""


def test_a_kill_leaves_the_old_version_or_the_new(
    path: Path, reopen: Callable[..., Journal]
) -> None:
    """Never anything between, whenever it comes; and the start after it goes on."""
    version1.write(path, 5000, backwards=BACKWARDS)
    left = []
    for turn in range(8):
        with subprocess.Popen(
            [sys.executable, "-c", KILLED, str(path)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        ) as child:
            assert child.stdout is not None
            child.stdout.readline()
            _wait_for_growth(path, pages=turn * 600, child=child)
            child.send_signal(signal.SIGKILL)
        left.append(version(path))
        names = rows(path, NAMES[left[-1]])
        assert len(set(names)) == 5000
        if left[-1] == 2:
            break
    assert left[0] == 1
    journal = reopen()
    assert journal.damage is None
    assert journal.capture_totals() == (5000, 5000 * version1.SIZE)
    assert journal.saved_session(dict) == version1.session(5000)


def _wait_for_growth(path: Path, pages: int, child: "subprocess.Popen[bytes]") -> None:
    """Wait until the migration has written so much into its log, or is done."""
    log = path.with_name(path.name + "-wal")
    deadline = time.monotonic() + 30
    while child.poll() is None and time.monotonic() < deadline:
        try:
            if log.stat().st_size >= pages * 2048:
                return
        except FileNotFoundError:
            pass


WITHOUT_ROOM = """
import json, os, sys
from pathlib import Path
from cinepi.clock import SystemClock
from cinepi.errors import StorageFullError
from cinepi.journal.journal import Journal
from tests.unit.journal import version1
from tests.unit.journal.test_migration import version

path = Path(sys.argv[1]) / "journal.db"
version1.write(path, 4000)
ballast = path.with_name("ballast")
with ballast.open("wb", buffering=0) as file:
    try:
        while file.write(b"x" * 65536):
            pass
    except OSError:
        pass
said = []
try:
    Journal(path, clock=SystemClock(), boot="full")
except StorageFullError as error:
    said.append(str(error))
ballast.unlink()
said.append(version(path))
journal = Journal(path, clock=SystemClock(), boot="full")
said.append(journal.capture_totals()[0])
print(json.dumps(said))
"""


@pytest.mark.skipif(not may_mount(), reason="this user may not mount a small disk")
def test_without_room_it_says_so_and_goes_on_later(tmp_path: Path) -> None:
    """On a full disk it stays as it was, and the words say what to do."""
    mount = 'mount -t tmpfs -o size=40m none "$0" && exec "$1" -c "$2" "$0"'
    done = subprocess.run(
        [*OWN_MOUNTS, "sh", "-c", mount, tmp_path, sys.executable, WITHOUT_ROOM],
        check=True,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    message, schema, captures = json.loads(done.stdout)
    assert "nothing was changed: free " in message
    assert (schema, captures) == (1, 4000)
