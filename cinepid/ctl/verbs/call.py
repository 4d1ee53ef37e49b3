"""call: any command of the contract, with its arguments as they go over the wire."""

import argparse

import msgspec

from cinepi.errors import CinepiError
from cinepi.strictjson import loads
from cinepid.ctl.errors import UsageError
from cinepid.ctl.program import Verb
from cinepid.ctl.work import (
    add_command_options,
    add_targets,
    command_of,
    command_verb,
    targets_of,
    working,
)

_MAX_BYTES = 16 * 1024


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("command", metavar="GROUP/VERB", help="such as session/get")
    add_targets(parser)
    parser.add_argument("--args", metavar="JSON", default="{}", help="its arguments, as an object")
    add_command_options(parser)


async def _run(options: argparse.Namespace) -> int:
    wanted = targets_of(options)
    try:
        arguments = loads(options.args.encode(), max_bytes=_MAX_BYTES)
    except CinepiError as error:
        raise UsageError(f"--args: {error}") from error
    if not isinstance(arguments, dict) or options.command.count("/") != 1:
        raise UsageError("say GROUP/VERB and --args with a JSON object")
    if {"+", "#", ""} & set(options.command.split("/")):
        raise UsageError(f"{options.command!r} is no command")
    async with working(options) as work:
        devices = await work.find(wanted)
        if len(devices) > 1:
            work.confirm(options.command, devices)
        command = command_of(options, options.command, arguments)
        return await command_verb(
            work,
            command,
            devices,
            wanted=wanted,
            telling=lambda reply: msgspec.json.encode(reply.data()).decode(),
        )


VERB = Verb(
    help="send any command of the contract",
    run=_run,
    add_options=_options,
    examples=(
        "call config/schema garden --json",
        """call captures/list garden --args '{"limit":3}'""",
    ),
)
