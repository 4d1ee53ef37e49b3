"""A picture that was taken for a command whose answer a crash kept back."""

from pathlib import Path

from cinepi.capture.adopted import Adopted
from cinepi.capture.reindex import Described
from cinepi.envelope import Command
from cinepi.journal.journal import Journal
from cinepi.journal.requests import KEPT
from tests.unit.journal.test_captures import add, capture
from tests.unit.journal.test_requests import HandClock

COMMAND = Command(id="morning", fingerprint="same")


def test_an_id_that_is_used_again_later_is_another_command(tmp_path: Path) -> None:
    """Its repeat finds the picture for ten minutes, over restarts; then the shutter fires anew."""
    clock = HandClock()
    journal = Journal(tmp_path / "journal.db", clock=clock, boot="0badcafe")
    picture = capture(1)
    add(journal, picture)
    with journal.transaction() as tx:
        Adopted(journal).add(tx, Described(picture, COMMAND.digest))
    journal.close()
    journal = Journal(tmp_path / "journal.db", clock=clock, boot="0badcafe")
    clock.up += KEPT - 1
    assert Adopted(journal).find(COMMAND) == picture
    assert Adopted(journal).find(Command(id="evening", fingerprint="same")) is None
    clock.up += 2
    assert Adopted(journal).find(COMMAND) is None
    journal.close()
