"""system/ping: is anybody there?"""

from cinepi.clock import rfc3339
from cinepi.protocol import NoParams
from cinepid.commands._contract import Command, Context
from cinepid.payloads import Payload


class Pong(Payload, frozen=True):
    """Who answers.

    Attributes:
        at: The device's time, RFC 3339.
        boot: Run id of the daemon.
        version: Of the software.
        camera_service: Whether the camera service answers the daemon.
        clock_synced: Whether `at` can be trusted.
    """

    at: str
    boot: str
    version: str
    camera_service: bool
    clock_synced: bool


async def _run(context: Context, _: NoParams) -> Pong:
    parts = context.parts
    return Pong(
        at=rfc3339(parts.clock.wall()),
        boot=parts.device.boot,
        version=parts.device.version,
        camera_service=parts.service.is_up,
        clock_synced=parts.clock.is_synced(),
    )


COMMAND = Command(
    summary="Answer.",
    arguments=NoParams,
    result=Pong,
    run=_run,
    say=lambda _: "pong",
    is_broadcast=True,
)
