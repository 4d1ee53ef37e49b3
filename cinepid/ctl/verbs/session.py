"""session: start, stop, pause, resume, and how it is."""

import argparse
import time
from functools import partial

from cinepi.errors import InvalidArgumentError
from cinepid.ctl.ask import Reply, instant
from cinepid.ctl.errors import UsageError
from cinepid.ctl.program import Verb, add_actions
from cinepid.ctl.text import count
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
    "start": "begin one",
    "stop": "end it",
    "pause": "take no frames until it is resumed",
    "resume": "go on",
    "status": "say what it does",
}
_START = {
    "interval": (float, "SECONDS", "from frame to frame"),
    "count": (int, "N", "end after so many frames"),
    "duration_s": (float, "SECONDS", "end after so long"),
    "until": (str, "TIME", "end at this time"),
    "start_at": (str, "TIME", "first frame at this instant: +10s, or RFC 3339"),
    "name": (str, "TEXT", "what to call it"),
}


def _options(parser: argparse.ArgumentParser) -> None:
    for name, action in add_actions(parser, _ACTIONS).items():
        if name == "start":
            for key, (kind, metavar, words_) in _START.items():
                option = f"--{key.removesuffix('_s').replace('_', '-')}"
                action.add_argument(option, dest=key, type=kind, metavar=metavar, help=words_)
        add_targets(action)
        add_command_options(action)


def _start_arguments(options: argparse.Namespace) -> dict[str, object]:
    given = {key: getattr(options, key) for key in _START if getattr(options, key) is not None}
    for key in ("start_at", "until"):
        if key in given:
            try:
                given[key] = instant(given[key], time.time())
            except InvalidArgumentError as error:
                raise UsageError(str(error)) from error
    return given


def _tell_status(reply: Reply) -> str:
    session = reply.data() or {}
    parts = [str(session.get("state", "?"))]
    if session.get("id"):
        frames, missed = session.get("frames", 0), session.get("missed", 0)
        parts.append(f"{count(frames, 'frame')}, {missed} missed")
        parts.append(f"every {session.get('interval') or 0:g} s")
        if session.get("next_at"):
            parts.append(f"next at {session['next_at']}")
        parts.append(str(session.get("name") or ""))
    return "  ".join(part for part in parts if part)


def _given_words(arguments: dict[str, object]) -> list[str]:
    found = []
    for key, value in arguments.items():
        found += [f"--{key.removesuffix('_s').replace('_', '-')}", str(value)]
    return found


async def _run(options: argparse.Namespace) -> int:
    wanted = targets_of(options)
    arguments = _start_arguments(options) if options.action == "start" else {}
    verb = "get" if options.action == "status" else options.action
    async with working(options) as work:
        devices = await work.find(wanted)
        if options.action in ("stop", "pause") and len(devices) > 1:
            work.confirm(f"{options.action} the session", devices)
        command = command_of(options, f"session/{verb}", arguments)
        is_question = options.action == "status"
        again = (
            []
            if is_question
            else words(options, "session", options.action, *_given_words(arguments))
        )
        tell = _tell_status if is_question else None
        return await partial(command_verb, work, command, devices)(
            wanted=wanted, telling=tell, again=again
        )


VERB = Verb(
    help="start, stop, pause or resume a session",
    run=_run,
    add_options=_options,
    examples=(
        "session start garden --interval 30",
        "session start --all --start-at +10s --count 100",
        "session stop --group north --yes",
        "session status --all",
    ),
)
