"""A saved session that is not understood costs itself, and never the start of the service."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from cinepi.clock import SystemClock
from cinepi.journal.journal import Journal
from cinepi.protocol import StartParams
from cinepi.timing.keeper import SessionKeeper


@pytest.mark.parametrize(
    "spoil",
    [
        lambda saved: saved.replace(b'"active"', b'"window"'),  # a newer version's word
        lambda saved: saved[:20] + b"\xe9" + saved[21:],  # a byte that the disk returns wrong
        lambda saved: saved[:-9],
    ],
)
def test_the_service_starts_without_it(tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    """Whatever the journal has kept: there is no session, and another one can begin."""
    clock = SystemClock()
    journal = Journal(tmp_path / "journal.db", clock=clock, boot="0badcafe")
    SessionKeeper(journal, clock, on_change=lambda: None).start(StartParams(), 30.0, None)
    with journal.transaction() as tx:
        kept = bytes(journal.saved_session(msgspec.Raw) or b"")
        assert spoil(kept) != kept
        tx.save_session(spoil(kept))
    keeper = SessionKeeper(journal, clock, on_change=lambda: None)
    assert keeper.running is None
    keeper.start(StartParams(), 30.0, None)
    again = SessionKeeper(journal, clock, on_change=lambda: None)
    again.take_up()
    assert again.running is not None
    journal.close()
