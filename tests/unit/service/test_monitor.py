"""What the second look sees."""

from pathlib import Path

import pytest

from cinepi.errors import InternalError
from cinepi.journal.journal import Journal
from cinepi.service.clock_watch import ClockWatch
from tests.unit.camera.bench import MovingClock


class SetClock(MovingClock):
    """One that can be set."""

    def wall(self) -> float:
        """See `Clock.wall`."""
        return super().wall() + self.offset


def test_a_step_that_could_not_be_told_is_told_later(tmp_path: Path) -> None:
    """A journal that fails just then hears of it at the next look, and once."""
    clock = SetClock()
    journal = Journal(tmp_path / "journal.db", clock=clock, boot="0badcafe")
    watch = ClockWatch(clock, journal)
    clock.offset = 3600.0
    with journal.transaction(), pytest.raises(InternalError, match="inside another"):
        watch.look()
    assert watch.look() == pytest.approx(3600, abs=1)
    assert watch.look() == 0.0
    assert [entry.type for entry in journal.events(0, 10).events] == ["clock_stepped"]
    journal.close()
