"""Whoever watches hears of a disk that fails, whichever it is."""

from pathlib import Path

import msgspec

from cinepi.clock import system_clock
from cinepi.envelope import Request
from cinepi.journal.journal import Journal
from cinepi.paths import Layout
from cinepi.protocol import WatchResult
from cinepi.service.assembly import assemble
from cinepi.service.in_force import InForce
from cinepi.service.requests import Requests
from tests.unit.journal.test_captures import add, capture


def test_watch_answers_without_a_journal(tmp_path: Path) -> None:
    """A journal that cannot be read leaves out what only it knows."""
    layout, clock = Layout(tmp_path), system_clock()
    journal = Journal(layout.journal, clock=clock, boot="0badcafe")
    parts = assemble(layout, clock, journal, InForce.begin(layout, clock, journal))
    add(journal, capture(1))
    requests = Requests(parts)
    watch = Request(method="watch", params=msgspec.Raw(b"{}"), id=1)

    def watched() -> WatchResult:
        return msgspec.json.decode(requests.answer(watch).result, type=WatchResult)

    assert watched().capture == capture(1)
    last = journal.last_seq
    journal.close()
    assert (watched().capture, watched().journal, watched().last_seq) == (None, "", last)
    assert watched().storage.captures == 1
