"""The log of this service."""

import msgspec

from cinepi.clock import parse_time
from cinepi.logs.entry import LogEntry
from cinepi.logs.recent import recent
from cinepi.protocol import LogsRecentParams
from cinepi.service.requests import Call, method


class LogsResult(msgspec.Struct, frozen=True):
    """Answer of `logs.recent`, newest first."""

    logs: tuple[LogEntry, ...]


@method("logs.recent", LogsRecentParams, is_slow=True)
def recent_(call: Call[LogsRecentParams]) -> LogsResult:
    """The newest entries that fit."""
    params = call.params
    if params.since:
        parse_time(params.since, "/since")
    found = recent(
        [call.parts.layout.log],
        limit=params.limit,
        level=params.level,
        module=params.module,
        since=params.since,
    )
    return LogsResult(logs=found)
