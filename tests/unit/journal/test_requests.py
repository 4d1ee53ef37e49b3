import json
import sqlite3
from pathlib import Path

import msgspec
import pytest

from cinepi.clock import kernel_boot_id
from cinepi.envelope import Command, WireError
from cinepi.errors import ConflictError
from cinepi.journal import requests
from cinepi.journal.journal import Journal
from cinepi.protocol import BackupResult


class HandClock:
    """A clock that the test moves by hand."""

    def __init__(self, *, wall: float = 1_700_000_000.0, monotonic: float = 1000.0) -> None:
        """Start at these times."""
        self.now = wall
        self.up = monotonic

    def wall(self) -> float:
        """See `Clock.wall`."""
        return self.now

    def monotonic(self) -> float:
        """See `Clock.monotonic`."""
        return self.up

    def is_synced(self) -> bool:
        """See `Clock.is_synced`."""
        return True


def command(name: str, *, fingerprint: str = "same", context: str = "topic") -> Command:
    """A command with this id."""
    return Command(id=name, fingerprint=fingerprint, context=context)


def finish(journal: Journal, *names: str, context: str = "topic") -> None:
    """Finish commands, each in its own transaction."""
    for name in names:
        with journal.transaction() as transaction:
            transaction.finish(command(name, context=context), BackupResult(backup_file=name))


def waiting(journal: Journal) -> list[str]:
    """Ids of the commands whose answer is not confirmed, page by page."""
    ids: list[str] = []
    after: int | None = 0
    while after is not None:
        page = journal.unanswered(after)
        assert len(page.requests) <= requests.PAGE
        ids += [one.command.id for one in page.requests]
        after = page.next
    return ids


@pytest.fixture
def clock() -> HandClock:
    """A clock that stands still."""
    return HandClock()


def opened(path: Path, clock: HandClock) -> Journal:
    """The journal, opened."""
    return Journal(path, clock=clock, boot="0badcafe")


def test_a_repeat_finds_its_outcome(path: Path, clock: HandClock) -> None:
    """Results and errors are found again as JSON, also after a restart; a new id finds nothing."""
    journal = opened(path, clock)
    finish(journal, "good")
    with journal.transaction() as transaction:
        transaction.finish(command("bad"), WireError(code="busy", message="later"))
        transaction.finish(None, BackupResult(backup_file="nobody's"))
    journal.close()
    journal = opened(path, clock)
    good, bad = journal.outcome(command("good")), journal.outcome(command("bad"))
    assert good is not None
    assert bad is not None
    assert msgspec.json.decode(good) == {"result": {"backup_file": "good"}}
    assert msgspec.json.decode(bad)["error"]["code"] == "busy"
    assert journal.outcome(command("new")) is None
    journal.close()


def test_an_id_with_another_fingerprint_is_a_conflict(path: Path, clock: HandClock) -> None:
    """The same id for something else is refused, and the field is named."""
    journal = opened(path, clock)
    finish(journal, "one")
    with pytest.raises(ConflictError, match="'one'") as raised:
        journal.outcome(command("one", fingerprint="other"))
    assert raised.value.field == "/id"
    journal.close()


def test_outcomes_last_ten_minutes_whatever_the_wall_clock_does(
    path: Path, clock: HandClock
) -> None:
    """Only time that passed makes an outcome old; steps of the wall clock do not."""
    journal = opened(path, clock)
    finish(journal, "one")
    clock.now += 50 * 365 * 86_400
    clock.up += requests.KEPT - 1
    assert journal.outcome(command("one")) is not None
    assert waiting(journal) == ["one"]
    assert journal.find_request("o") == "one"
    clock.up += 2
    assert journal.outcome(command("one")) is None
    assert journal.outcome(command("one", fingerprint="other")) is None
    assert waiting(journal) == []
    assert journal.find_request("o") is None
    finish(journal, "one")
    assert journal.outcome(command("one")) is not None
    journal.close()


def test_ages_go_on_over_a_restart_of_the_service(path: Path, clock: HandClock) -> None:
    """Time between two runs in one boot counts."""
    journal = opened(path, clock)
    finish(journal, "old")
    journal.close()
    clock.up += 400
    journal = opened(path, clock)
    finish(journal, "new")
    clock.up += 300
    assert waiting(journal) == ["new"]
    journal.close()


def test_ages_survive_a_reboot(
    path: Path, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a reboot, where the monotonic clock starts again, commands are no older than before."""
    journal = opened(path, clock)
    finish(journal, "one")
    journal.close()
    monkeypatch.setattr(requests, "kernel_boot_id", lambda: "another boot" + kernel_boot_id())
    clock.up = 3.0
    journal = opened(path, clock)
    assert waiting(journal) == ["one"]
    clock.up += requests.KEPT + 1
    assert waiting(journal) == []
    journal.close()


def test_confirmed_answers_are_not_waiting(path: Path, clock: HandClock) -> None:
    """Confirmed answers leave the list for good, unless the id is used again; some never join."""
    journal = opened(path, clock)
    finish(journal, "a", "b", "c", "d")
    finish(journal, "e", context="")
    journal.mark_answered(["b", "unknown"])
    assert waiting(journal) == ["a", "c", "d"]
    finish(journal, "f")
    finish(journal, "b")
    assert waiting(journal) == ["a", "c", "d", "f", "b"]
    journal.mark_answered(["b"])
    finish(journal, "b")
    assert waiting(journal) == ["a", "c", "d", "f", "b"]
    journal.mark_answered(["b", "c"])
    journal.close()
    journal = opened(path, clock)
    assert waiting(journal) == ["a", "d", "f"]
    one = journal.unanswered().requests[0]
    assert one.command == command("a")
    assert msgspec.json.decode(one.outcome) == {"result": {"backup_file": "a"}}
    journal.close()


def test_many_unconfirmed_answers_come_in_pages(path: Path, clock: HandClock) -> None:
    """In order, none twice; one that was confirmed a moment ago leaves a gap in its page."""
    journal = opened(path, clock)
    names = [f"c{number}" for number in range(2 * requests.PAGE + 1)]
    finish(journal, *names)
    journal.mark_answered(names[1:3])
    assert waiting(journal) == [names[0], *names[3:]]
    journal.close()


def test_confirming_does_not_wait_for_the_disk(path: Path, clock: HandClock) -> None:
    """Confirmations are written with the next transaction, not by themselves."""
    journal = opened(path, clock)
    finish(journal, *"abcdefgh")
    log = path.with_name(path.name + "-wal")
    before = log.stat().st_size
    for name in "abcdefgh":
        journal.mark_answered([name])
    assert log.stat().st_size == before
    journal.close()


def test_the_newest_request_with_a_prefix(path: Path, clock: HandClock) -> None:
    """Of several ids with the same beginning the newest is found, and no other one."""
    journal = opened(path, clock)
    finish(journal, "a/2", "a/1", "ab", "b/3", "a/%")
    assert journal.find_request("a/") == "a/%"
    assert journal.find_request("a/1") == "a/1"
    assert journal.find_request("b%") is None
    journal.close()


def test_long_outcomes_do_not_pile_up(path: Path, clock: HandClock) -> None:
    """Beyond the bytes that are kept the oldest go; a single one that is longer still stays."""
    journal = opened(path, clock)
    long = BackupResult(backup_file="x" * (requests.MAX_BYTES // 4))
    for name in ("a", "b", "b", "b", "c", "d", "e"):  # the same id again weighs once
        with journal.transaction() as transaction:
            transaction.finish(command(name), long)
    assert waiting(journal) == ["c", "d", "e"]
    journal.close()
    journal = opened(path, clock)
    finish(journal, "f")
    assert waiting(journal) == ["c", "d", "e", "f"]
    with journal.transaction() as transaction:
        transaction.finish(command("g"), BackupResult(backup_file="x" * requests.MAX_BYTES))
    assert waiting(journal) == ["g"]
    finish(journal, "h")
    assert waiting(journal) == ["h"]
    journal.close()


def test_old_requests_leave_the_database(path: Path, clock: HandClock) -> None:
    """Expired requests go as new ones come, so that the table stays small."""
    journal = opened(path, clock)
    finish(journal, *(f"old-{number}" for number in range(40)))
    clock.up += requests.KEPT + 1
    finish(journal, *(f"new-{number}" for number in range(40)))
    with journal.transaction():
        pass
    clock.up -= requests.KEPT
    assert [name for name in waiting(journal) if name.startswith("old")] == []
    journal.close()


def test_pages_of_long_answers_are_short(path: Path, clock: HandClock) -> None:
    """A page ends where it is full, and none is left out or comes twice."""
    journal = opened(path, clock)
    long = BackupResult(backup_file="x" * 300_000)
    names = [f"c{number}" for number in range(12)]
    for name in names:
        with journal.transaction() as transaction:
            transaction.finish(command(name), long)
    assert len(journal.unanswered().requests) == 3
    assert waiting(journal) == names
    journal.close()


def test_an_answer_that_is_not_understood_is_an_error_and_no_second_time(
    path: Path, clock: HandClock
) -> None:
    """The command is known as carried out, and its sender hears why there is no answer."""
    journal = opened(path, clock)
    finish(journal, "one", "two")
    journal.close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE request SET outcome = X'7bff' WHERE id = 'one'")
    connection.close()
    journal = opened(path, clock)
    outcome = journal.outcome(command("one"))
    assert outcome is not None
    assert "carried out" in msgspec.json.decode(outcome)["error"]["message"]
    assert waiting(journal) == ["one", "two"]
    json.loads(bytes(journal.unanswered().requests[0].outcome))
    journal.close()
