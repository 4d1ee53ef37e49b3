"""The journal knows how far the broker has its events."""

from cinepi.clock import SystemClock
from cinepi.journal.journal import Journal
from tests.broker.running import Operator, RunningBroker
from tests.service.running import RunningService


def test_the_journal_knows_how_far_the_broker_is(
    broker: RunningBroker,
    operator: Operator,
    service: RunningService,
) -> None:
    """The daemon's reader is at the last event that was delivered, and no further."""
    picture = service.snapshot()
    operator.wait("event/capture_stored")
    delivered = max(event["seq"] for event in operator.events())
    operator.sync()
    broker.stop()
    kept = service.snapshot()
    service.terminate()
    journal = Journal(service.layout.journal, clock=SystemClock(), boot="0badcafe")
    reader, last = journal.reader("mqtt"), journal.last_seq
    journal.close()
    assert reader is not None
    assert not reader.holds
    assert picture.filename != kept.filename
    assert delivered == reader.seq < last
