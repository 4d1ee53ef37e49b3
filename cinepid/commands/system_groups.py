"""system/groups: which groups' commands the device follows; with changes, or only to see them."""

from typing import Annotated

import msgspec

from cinepi.errors import InvalidArgumentError
from cinepi.protocol import Params
from cinepid import topics
from cinepid.commands._contract import Command, Context
from cinepid.groups import MOST
from cinepid.message import Filter
from cinepid.payloads import Payload

Name = Annotated[str, msgspec.Meta(pattern=topics.NAME_PATTERN)]


class GroupsParams(Params, frozen=True):
    """Arguments: nothing to see them; `set` to the configuration's with null.

    Attributes:
        add: Groups to join.
        remove: Groups to leave.
        set: All that it is to be in; null returns to the configuration.
    """

    add: tuple[Name, ...] = ()
    remove: tuple[Name, ...] = ()
    set: tuple[Name, ...] | msgspec.UnsetType | None = msgspec.UNSET


class GroupsResult(Payload, frozen=True):
    """The groups that the device is in now."""

    groups: tuple[str, ...]


async def _run(context: Context, arguments: GroupsParams) -> GroupsResult:
    groups = context.parts.device.groups
    if arguments.set is not msgspec.UNSET and (arguments.add or arguments.remove):
        raise InvalidArgumentError.at("/set", "say set, or add and remove, not both")
    wanted: tuple[str, ...] | None
    if isinstance(arguments.set, msgspec.UnsetType):
        wanted = groups.after(arguments.add, arguments.remove)
    else:
        wanted = arguments.set and tuple(sorted({*arguments.set}))
    if wanted is not None and len(wanted) > MOST:
        raise InvalidArgumentError(f"a device can be in {MOST} groups, not {len(wanted)}")
    if wanted is None or set(wanted) != set(groups.names):
        groups.set(wanted)
    connection = context.parts.uplink.connection
    if groups.names and connection is not None:
        await connection.subscribe([Filter(topics.GROUP_COMMANDS)])
    return GroupsResult(groups=groups.names)


def _say(result: GroupsResult) -> str:
    return f"In {', '.join(result.groups)}" if result.groups else "In no group"


COMMAND = Command(
    summary="Say which groups the device is in, and change that.",
    arguments=GroupsParams,
    result=GroupsResult,
    run=_run,
    say=_say,
    lane="state",
    max_age_s=300,
)
