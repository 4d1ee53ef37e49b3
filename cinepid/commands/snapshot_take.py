"""snapshot/take: one picture, now or at a given time."""

from cinepi.model.documents import CaptureDocument
from cinepi.protocol import TakeParams
from cinepid.commands._contract import Command, passed_on

COMMAND = Command(
    summary="Take one picture.",
    arguments=TakeParams,
    result=CaptureDocument,
    run=passed_on("snapshot.take", CaptureDocument),
    say=lambda capture: f"Snapshot taken: {capture.filename}",
    lane="camera",
    max_age_s=30,
    limit_s=900,  # the longest exposure is 600 s, and `at` may be 60 s ahead
    is_recorded=True,
    is_broadcast=True,
)
