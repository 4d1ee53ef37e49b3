"""The log of this service."""

import msgspec

from cinepi.clock import parse_time
from cinepi.logs.entry import LogEntry
from cinepi.logs.recent import search
from cinepi.protocol import LogsRecentParams
from cinepi.service.requests import Call, method


class LogsResult(msgspec.Struct, frozen=True):
    """Answer of `logs.recent`, newest first; `notes` say what was left out, and why."""

    logs: tuple[LogEntry, ...]
    notes: tuple[str, ...]


@method("logs.recent", LogsRecentParams, lane="work")
def recent(call: Call[LogsRecentParams]) -> LogsResult:
    """The newest entries that fit."""
    params = call.params
    if params.since:
        parse_time(params.since, "/since")
    found = search(
        [call.parts.layout.log],
        limit=params.limit,
        level=params.level,
        module=params.module,
        since=params.since,
    )
    return LogsResult(logs=found.entries, notes=found.notes)
