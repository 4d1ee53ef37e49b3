"""Work by the calendar: once a day, and never at the cost of a frame."""

from apscheduler.schedulers.background import BackgroundScheduler

from cinepi.config import store
from cinepi.logs.setup import logger
from cinepi.service.parts import Parts

_log = logger("calendar")


def make_calendar(parts: Parts) -> BackgroundScheduler:
    """Schedule the daily work; the caller starts the scheduler and shuts it down."""
    # After a clock that was set back, APScheduler sleeps until the old time is reached again: for
    # work of a day that does no harm, and is why frames are not its business.
    calendar = BackgroundScheduler(
        timezone="UTC", job_defaults={"coalesce": True, "misfire_grace_time": None}
    )

    def prune_backups() -> None:
        days = parts.configuration.config.system.backup_days
        if removed := store.prune(parts.layout, parts.clock, days):
            _log.info("old backups removed", files=removed)

    calendar.add_job(prune_backups, "cron", hour=3, minute=17, id="prune-backups")
    return calendar
