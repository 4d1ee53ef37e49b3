"""system/republish: say all retained state again, for brokers and readers that have lost it."""

from cinepi.protocol import NoParams
from cinepid.commands._contract import Command, Context
from cinepid.payloads import Payload


class Republished(Payload, frozen=True):
    """How many topics were said again."""

    topics: int


async def _run(context: Context, _: NoParams) -> Republished:
    return Republished(
        topics=await context.parts.presence.say_again(context.parts.uplink.connection)
    )


COMMAND = Command(
    summary="Publish all retained state again.",
    arguments=NoParams,
    result=Republished,
    run=_run,
    say=lambda done: f"{done.topics} topics published again",
    lane="state",
    is_broadcast=True,
    is_spread=True,
)
