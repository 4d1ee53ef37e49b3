"""Who answers, how it is, and all of the present state."""

import os
from collections.abc import Callable
from typing import TypeVar

from cinepi import __version__
from cinepi.errors import CinepiError
from cinepi.logs.setup import logger
from cinepi.protocol import HealthResult, NoParams, PingResult, WatchResult
from cinepi.service import health
from cinepi.service.requests import Call, method

ValueT = TypeVar("ValueT")

_log = logger("service")


@method("ping", NoParams)
def ping(call: Call[NoParams]) -> PingResult:
    """Say who answers."""
    return PingResult(version=__version__, boot=call.parts.journal.boot, pid=os.getpid())


@method("watch", NoParams, watches=True)
def watch(call: Call[NoParams]) -> WatchResult:
    """Tell everything; the connection is told all changes from before this answer on.

    A disk that fails makes no document impossible: whoever watches must hear of it. What is read
    from the journal here is left out then, as if it was not known.
    """
    parts = call.parts
    return WatchResult(
        session=parts.keeper.document(),
        camera=parts.camera.document(),
        config=parts.in_force.document(),
        storage=parts.storage.document(),
        capture=_or_without(parts.journal.newest_capture, None),
        last_seq=parts.journal.last_seq,
        journal=_or_without(lambda: parts.journal.identity, ""),
    )


def _or_without(read: Callable[[], ValueT], without: ValueT) -> ValueT:
    """What the journal says, or `without` where its disk fails."""
    try:
        return read()
    except CinepiError as error:
        _log.warning("the journal cannot be read", reason=str(error))
        return without


@method("health.get", NoParams, lane="work")
def get_health(call: Call[NoParams]) -> HealthResult:
    """Check everything on the camera side."""
    return health.check(call.parts)
