"""Who answers, how it is, and all of the present state."""

import os

from cinepi import __version__
from cinepi.protocol import HealthResult, NoParams, PingResult, WatchResult
from cinepi.service import health
from cinepi.service.requests import Call, method


@method("ping", NoParams)
def ping(call: Call[NoParams]) -> PingResult:
    """Say who answers."""
    return PingResult(version=__version__, boot=call.parts.journal.boot, pid=os.getpid())


@method("watch", NoParams, watches=True)
def watch(call: Call[NoParams]) -> WatchResult:
    """Tell everything; the connection is told all changes from before this answer on."""
    parts = call.parts
    return WatchResult(
        session=parts.keeper.document(),
        camera=parts.camera.document(),
        config=parts.in_force.document(),
        storage=parts.storage.document(),
        capture=parts.journal.newest_capture(),
        last_seq=parts.journal.last_seq,
        journal=parts.journal.identity,
    )


@method("health.get", NoParams, lane="work")
def get_health(call: Call[NoParams]) -> HealthResult:
    """Check everything on the camera side."""
    return health.check(call.parts)
