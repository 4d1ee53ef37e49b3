"""Work by the calendar: at the start and every hour, and never at the cost of a frame."""

from collections.abc import Callable
from datetime import UTC, datetime

from apscheduler.executors.debug import DebugExecutor
from apscheduler.job import Job
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.background import BackgroundScheduler

from cinepi.config import store
from cinepi.logs.setup import logger
from cinepi.service.parts import Parts

_log = logger("calendar")


def make_calendar(parts: Parts, turned: Callable[[], None]) -> BackgroundScheduler:
    """Schedule the work; the caller starts the scheduler and shuts it down.

    `turned` is called whenever the scheduler looks at what is due, as `wakeup` makes it do.
    """
    # After a clock that was set back, APScheduler sleeps until the old time is reached again: for
    # such work that does no harm, and is why frames are not its business.
    calendar = BackgroundScheduler(
        jobstores={"default": _Jobs(turned)},
        executors={"default": DebugExecutor()},  # in its own thread: work that hangs is noticed
        timezone="UTC",
        job_defaults={"coalesce": True, "misfire_grace_time": None},
    )

    def prune_backups() -> None:
        days = parts.configuration.config.system.backup_days
        if removed := store.prune(parts.layout, parts.clock, days):
            _log.info("old backups removed", files=removed)

    # Not at night: a device may be off every night, and changes come by the hundred.
    calendar.add_job(
        prune_backups, "interval", hours=1, next_run_time=datetime.now(UTC), id="prune-backups"
    )
    return calendar


class _Jobs(MemoryJobStore):  # type: ignore[misc]  # apscheduler has no types
    """Says when it is asked for what is due."""

    def __init__(self, turned: Callable[[], None]) -> None:
        super().__init__()
        self._turned = turned

    def get_due_jobs(self, now: datetime) -> list[Job]:
        self._turned()
        due: list[Job] = super().get_due_jobs(now)
        return due
