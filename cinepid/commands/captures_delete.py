"""captures/delete: remove pictures by name or by filter."""

from cinepi.protocol import CapturesDeleteParams, CapturesDeleteResult
from cinepid.commands._contract import Command, passed_on


def _say(result: CapturesDeleteResult) -> str:
    did = "would be deleted" if result.dry_run else "deleted"
    if result.count == 1:
        return f"{result.filenames[0]} {did}"
    return f"{result.count} captures {did}"


COMMAND = Command(
    summary="Delete pictures: one, several, or all that fit a filter.",
    arguments=CapturesDeleteParams,
    result=CapturesDeleteResult,
    run=passed_on("captures.delete", CapturesDeleteResult),
    say=_say,
    lane="captures",
    limit_s=300,
    max_age_s=60,
    is_recorded=True,
)
