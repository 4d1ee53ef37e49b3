"""Work by the calendar: at the start and every hour, and never at the cost of a frame.

The scheduler's own thread only looks at what is due, so it turns whatever the work does. The work
runs in one thread beside it, one piece after the other, each within a limit of its own: a piece
that hangs ends the process, one that is merely long does not.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.job import Job
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.background import BackgroundScheduler

from cinepi.config import store
from cinepi.errors import CinepiError
from cinepi.logs.setup import logger
from cinepi.service.parts import Parts
from cinepi.units import Seconds
from cinepi.vigil import Vigil

_log = logger("calendar")


@dataclass(frozen=True, slots=True)
class Work:
    """Something that is done at the start and every hour.

    Attributes:
        name: For the log.
        run: Does it.
        limit: One that runs for longer hangs, and the process with it.
    """

    name: str
    run: Callable[[Parts], None]
    limit: Seconds


def prune_backups(parts: Parts) -> None:
    """Remove copies of the configuration that are old, or too many."""
    days = parts.in_force.config.system.backup_days
    if removed := store.prune(parts.layout, parts.clock, days):
        _log.info("old backups removed", files=removed)


WORK = (Work("prune-backups", prune_backups, limit=600.0),)
"""All of it. Not at night: a device may be off every night, and changes come by the hundred."""


def make_calendar(parts: Parts, vigil: Vigil, work: tuple[Work, ...] = WORK) -> BackgroundScheduler:
    """Schedule the work; the caller starts the scheduler and shuts it down.

    The vigil hears of "calendar" whenever the scheduler looks at what is due, as `wakeup` makes it
    do, and watches each piece of work.
    """
    # After a clock that was set back, APScheduler sleeps until the old time is reached again: for
    # such work that does no harm, and is why frames are not its business.
    calendar = BackgroundScheduler(
        jobstores={"default": _Jobs(partial(vigil.beat, "calendar"))},
        executors={"default": ThreadPoolExecutor(1)},
        timezone="UTC",
        job_defaults={"coalesce": True, "misfire_grace_time": None},
    )
    for each in work:
        calendar.add_job(
            partial(_do, each, parts, vigil),
            "interval",
            hours=1,
            next_run_time=datetime.now(UTC),
            id=each.name,
        )
    return calendar


def _do(work: Work, parts: Parts, vigil: Vigil) -> None:
    with vigil.work(work.name, work.limit):
        try:
            work.run(parts)
        except CinepiError as error:  # the next hour tries again
            _log.error("work by the calendar failed", work=work.name, reason=str(error))


class _Jobs(MemoryJobStore):  # type: ignore[misc]  # apscheduler has no types
    """Says when it is asked for what is due."""

    def __init__(self, turned: Callable[[], None]) -> None:
        super().__init__()
        self._turned = turned

    def get_due_jobs(self, now: datetime) -> list[Job]:
        self._turned()
        due: list[Job] = super().get_due_jobs(now)
        return due
