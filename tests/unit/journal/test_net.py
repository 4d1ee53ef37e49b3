"""What the journal keeps is read behind a net: one value that is not understood costs itself."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec
import pytest

from cinepi.envelope import Command
from cinepi.journal.journal import Journal
from cinepi.journal.net import understood
from cinepi.protocol import BackupResult


class Old(msgspec.Struct, frozen=True):
    """A session as this version knows it."""

    state: Literal["idle", "active"]
    id: str = "one"


class New(msgspec.Struct, frozen=True):
    """A session as a newer version knows it."""

    state: Literal["idle", "active", "window"]
    id: str = "one"


def spoil(path: Path, key: str, value: bytes) -> None:
    """Let the disk return another value of a key."""
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE state SET value = ? WHERE key = ?", (value, key))
    connection.close()


@pytest.mark.parametrize("raw", [b"", b'{"id":"\xff"}', b'{"id":', b"[" * 100_000, '{"id":1}'])
def test_whatever_the_disk_returns_is_no_error(raw: bytes | str) -> None:
    """Wrong JSON, wrong UTF-8, wrong types and endless nesting are None."""
    assert understood(raw, dict[str, str], "it") is None


def test_a_session_with_a_wrong_byte_lets_the_service_start(
    path: Path, reopen: Callable[..., Journal]
) -> None:
    """There is no session then, and the next one is kept as usual."""
    journal = reopen()
    with journal.transaction() as tx:
        tx.save_session(b'{"state":"active"}')
    journal.close()
    spoil(path, "journal.session", b'{"state":"act\xe9ve"}')
    journal = reopen()
    assert journal.saved_session(Old) is None
    assert journal.damage is None
    with journal.transaction() as tx:
        tx.save_session(b'{"state":"active","id":"two"}')
    assert reopen().saved_session(Old) == Old(state="active", id="two")


def test_a_newer_version_takes_its_session_up_again(reopen: Callable[..., Journal]) -> None:
    """After going back to an older one and forth again, unless that one had a session itself."""
    journal = reopen()
    with journal.transaction() as tx:
        tx.save_session(b'{"state":"window"}')
    assert journal.saved_session(Old) is None
    assert reopen().saved_session(Old) is None
    assert reopen().saved_session(New) == New(state="window")
    journal = reopen()
    with journal.transaction() as tx:
        tx.save_session(b'{"state":"active","id":"two"}')
    assert journal.saved_session(New) == New(state="active", id="two")


def test_a_counter_that_is_not_understood_starts_again(
    path: Path, reopen: Callable[..., Journal]
) -> None:
    """It is 0, as is one that was never counted; a text that is illegible was never kept."""
    journal = reopen()
    with journal.transaction() as tx:
        tx.set_value("turns", "7")
        tx.set_value("name", "one")
    assert (journal.count("turns"), journal.count("never")) == (7, 0)
    journal.close()
    spoil(path, "value.turns", b"7\xff")
    spoil(path, "value.name", b"on\xff")
    journal = reopen()
    assert journal.count("turns") == 0
    assert journal.value("name") is None
    assert journal.values("") == {}


def test_commands_outlive_a_timeline_that_is_not_understood(
    path: Path, reopen: Callable[..., Journal]
) -> None:
    """It goes on from the newest command, so that a repeat still finds its answer."""
    journal = reopen()
    command = Command(id="one", fingerprint="f")
    with journal.transaction() as tx:
        tx.finish(command, BackupResult(backup_file="b"))
    journal.close()
    spoil(path, "journal.timeline", b'{"kernel":1}')
    assert reopen().outcome(command) is not None
