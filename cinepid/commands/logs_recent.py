"""logs/recent: what the camera service and this daemon have logged lately, in one list."""

from cinepi.clock import parse_time
from cinepi.errors import CameraUnavailableError
from cinepi.logs.entry import LogEntry
from cinepi.logs.recent import search
from cinepi.protocol import LogsRecentParams
from cinepid.commands._answer import fitting
from cinepid.commands._contract import Command, Context
from cinepid.payloads import Payload


class Logs(Payload, frozen=True):
    """Log entries, newest first; `notes` say what was left out, and why."""

    logs: tuple[LogEntry, ...]
    notes: tuple[str, ...] = ()


async def _run(context: Context, arguments: LogsRecentParams) -> Logs:
    if arguments.since is not None:
        parse_time(arguments.since, "/since")
    own = search(
        [context.parts.layout.daemon_log],
        limit=arguments.limit,
        level=arguments.level,
        module=arguments.module,
        since=arguments.since,
    )
    try:
        theirs = await context.call("logs.recent", Logs, arguments)
    except CameraUnavailableError as error:  # just then our own are wanted
        theirs = Logs(logs=(), notes=(str(error),))
    merged = sorted((*own.entries, *theirs.logs), key=lambda entry: entry.timestamp, reverse=True)
    return Logs(logs=fitting(merged[: arguments.limit]), notes=(*own.notes, *theirs.notes))


COMMAND = Command(
    summary="Give recent log entries of both programs, newest first.",
    arguments=LogsRecentParams,
    result=Logs,
    run=_run,
    say=lambda found: f"{len(found.logs)} log entries",
)
