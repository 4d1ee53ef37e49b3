"""group: who is in which group, and changing it."""

import argparse
import re

from cinepid.ctl.ask import Command, Reply
from cinepid.ctl.errors import OK, UsageError
from cinepid.ctl.output import Column, Row
from cinepid.ctl.program import Parser, Verb, add_actions
from cinepid.ctl.verdict import Again
from cinepid.ctl.work import add_targets, command_verb, targets_of, words, working
from cinepid.topics import NAME_PATTERN

_ACTIONS = {
    "ls": "list groups and their devices",
    "add": "let devices join a group",
    "rm": "let devices leave a group",
}
_COLUMNS = (Column("GROUP"), Column("DEVICES", takes_the_rest=True))


def _options(parser: Parser) -> None:
    actions = add_actions(parser, _ACTIONS)
    for name in ("add", "rm"):
        actions[name].add_argument("name", metavar="GROUP")
        add_targets(actions[name])


async def _run(options: argparse.Namespace) -> int:
    if options.action != "ls":
        if not re.fullmatch(NAME_PATTERN, options.name):
            said = "a group's name has 1 to 32 of a-z, 0-9 and hyphens"
            raise UsageError(f"{said}, not {options.name!r}")
        if options.name in options.devices:
            raise UsageError(f"{options.name} is the group; which devices?")
    async with working(options) as work:
        if options.action == "ls":
            await work.survey.look(("status", "info"))
            groups: dict[str, list[str]] = {}
            for device in work.survey.fleet.devices.values():
                for group in device.info.groups:
                    groups.setdefault(group, []).append(device.id)
            if options.json:
                work.output.json({name: sorted(groups[name]) for name in sorted(groups)})
            else:
                rows = (Row((name, " ".join(sorted(groups[name])))) for name in sorted(groups))
                work.output.table(_COLUMNS, rows)
            return OK
        devices = await work.find(targets_of(options))
        key = "add" if options.action == "add" else "remove"
        command = Command("system/groups", {key: [options.name]}, options.timeout)
        again = Again(words(options, "group", options.action, options.name))
        return await command_verb(work, command, devices, telling=_tell, again=again)


def _tell(reply: Reply) -> str:
    groups = (reply.data() or {}).get("groups") or []
    return f"in {', '.join(groups)}" if groups else "in no group"


VERB = Verb(
    help="see and change who is in which group",
    run=_run,
    add_options=_options,
    examples=("group ls", "group add north roof-1 roof-2", "group rm north --all"),
)
