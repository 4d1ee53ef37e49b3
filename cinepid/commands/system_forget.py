"""system/forget: take everything that is retained off the broker, for a device that leaves."""

from cinepi.protocol import NoParams
from cinepid.commands._contract import Command, Context
from cinepid.payloads import Payload


class Forgotten(Payload, frozen=True):
    """How many topics were cleared."""

    topics: int


async def _run(context: Context, _: NoParams) -> Forgotten:
    return Forgotten(topics=await context.parts.presence.forget(context.parts.uplink.connection))


COMMAND = Command(
    summary="Clear all retained topics of this device until system/republish or its next start.",
    arguments=NoParams,
    result=Forgotten,
    run=_run,
    say=lambda done: (
        f"{done.topics} topics cleared; stop the device now, or it is back at its next connection"
    ),
    lane="state",
    max_age_s=60,
)
