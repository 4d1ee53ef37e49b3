"""Work by the calendar: in time, bounded, and beside the scheduler's thread."""

import threading

import pytest

from cinepi.errors import InternalError
from cinepi.service.calendar import WORK, Work, make_calendar
from cinepi.service.parts import Parts
from cinepi.vigil import LIMIT, Vigil
from tests.service.running import wait_for
from tests.unit.camera.bench import MovingClock


class Counting(Vigil):
    """Says how often a loop has turned."""

    beats = 0

    def beat(self, name: str) -> None:
        """Count."""
        super().beat(name)
        self.beats += 1


def test_work_that_takes_long_keeps_the_calendar_turning(parts: Parts, clock: MovingClock) -> None:
    """It has a limit of its own; only beyond that it counts as hung, under its name."""
    is_begun, may_end = threading.Event(), threading.Event()

    def work(_parts: Parts) -> None:
        is_begun.set()
        may_end.wait(10)

    hung: list[str] = []
    vigil = Counting(clock, hung.append)
    vigil.expect("calendar")
    calendar = make_calendar(parts, vigil, (Work("retention", work, limit=600.0),))
    calendar.start()
    try:
        assert is_begun.wait(10)
        for _ in range(2):
            turns = vigil.beats
            calendar.wakeup()
            wait_for(lambda turns=turns: vigil.beats > turns)  # type: ignore[misc]
            vigil.look(LIMIT - 1)
        assert hung == []
        calendar.wakeup()
        vigil.look(600)
        assert "retention" in hung[0]
    finally:
        may_end.set()
        calendar.shutdown(wait=True)


def test_work_that_fails_is_tried_again(parts: Parts, clock: MovingClock) -> None:
    """The next hour; the calendar goes on."""
    done: list[str] = []

    def fail(_parts: Parts) -> None:
        done.append("failed")
        raise InternalError("the disk failed")

    vigil = Vigil(clock, done.append)
    calendar = make_calendar(
        parts, vigil, (Work("fails", fail, 60.0), Work("works", lambda _: done.append("ok"), 60.0))
    )
    calendar.start()
    try:
        wait_for(lambda: sorted(done) == ["failed", "ok"])
        assert {job.id for job in calendar.get_jobs()} == {"fails", "works"}
    finally:
        calendar.shutdown(wait=True)


@pytest.mark.parametrize("work", WORK, ids=lambda work: work.name)
def test_all_work_can_be_done(parts: Parts, work: Work) -> None:
    """On a service that has just begun."""
    work.run(parts)
