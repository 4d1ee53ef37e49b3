"""camera: its settings."""

import argparse

from cinepid.ctl import values
from cinepid.ctl.ask import Reply
from cinepid.ctl.errors import UsageError
from cinepid.ctl.program import Parser, Verb, add_actions
from cinepid.ctl.verdict import Again
from cinepid.ctl.work import (
    add_command_options,
    add_targets,
    command_of,
    command_verb,
    targets_of,
    words,
    working,
)

_ACTIONS = {
    "get": "say how the camera is set",
    "set": "change settings: KEY=VALUE beside the devices",
    "restart": "close it and open it again",
}


def _options(parser: Parser) -> None:
    for name, action in add_actions(parser, _ACTIONS).items():
        add_targets(action, settings="KEY=VALUE" if name == "set" else "")
        add_command_options(action)


def _tell(reply: Reply) -> str:
    camera = reply.data() or {}
    if not camera.get("connected"):
        return str(camera.get("problem") or "no camera is connected")
    settings = camera.get("settings") or {}
    pairs = (f"{key}={values.shown(value)}" for key, value in settings.items())
    return f"{camera.get('model') or 'camera'}: {' '.join(pairs)}"


async def _run(options: argparse.Namespace) -> int:
    options.devices, given = values.split(options.devices)
    if bool(given) != (options.action == "set"):
        raise UsageError("camera set wants settings such as iso=200; get and restart take none")
    wanted = targets_of(options)
    async with working(options) as work:
        devices = await work.find(wanted)
        if options.action == "restart" and len(devices) > 1:
            work.confirm("restart the camera", devices)
        command = command_of(options, f"camera/{options.action}", given)
        pairs = [f"{key}={values.shown(value)}" for key, value in given.items()]
        is_question = options.action == "get"
        said_again = words(options, "camera", options.action, *pairs)
        again = None if is_question else Again(said_again)
        tell = _tell if is_question else None
        return await command_verb(work, command, devices, telling=tell, again=again)


VERB = Verb(
    help="show or change the camera's settings",
    run=_run,
    add_options=_options,
    examples=("camera get garden", "camera set 'roof-*' exposure_mode=manual iso=200"),
)
