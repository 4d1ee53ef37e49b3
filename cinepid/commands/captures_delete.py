"""captures/delete: remove pictures by name or by filter."""

from cinepi.protocol import CapturesDeleteParams, CapturesDeleteResult
from cinepid.commands._contract import Command, passed_on
from cinepid.payloads import Payload

MAX_NAMES = 500
"""Names in the answer; `count` says how many there are."""


class Deleted(Payload, frozen=True):
    """What went, or would go."""

    count: int
    bytes: int
    filenames: tuple[str, ...]
    dry_run: bool


def _present(result: CapturesDeleteResult) -> Deleted:
    return Deleted(
        count=len(result.filenames),
        bytes=result.bytes,
        filenames=result.filenames[:MAX_NAMES],
        dry_run=result.dry_run,
    )


def _say(result: CapturesDeleteResult) -> str:
    did = "would be deleted" if result.dry_run else "deleted"
    if len(result.filenames) == 1:
        return f"{result.filenames[0]} {did}"
    return f"{len(result.filenames)} captures {did}"


COMMAND = Command(
    summary="Delete pictures: one, several, or all that fit a filter.",
    arguments=CapturesDeleteParams,
    result=CapturesDeleteResult,
    run=passed_on("captures.delete", CapturesDeleteResult),
    say=_say,
    present=_present,
    lane="captures",
    limit_s=300,
    max_age_s=60,
    is_recorded=True,
)
