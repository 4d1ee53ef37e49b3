"""session: start, stop, pause, resume, and how it is."""

import argparse
import time

from cinepi.errors import InvalidArgumentError
from cinepid.ctl.ask import Reply, instant
from cinepid.ctl.errors import UsageError
from cinepid.ctl.program import Parser, Verb, add_actions
from cinepid.ctl.text import count
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


def _options(parser: Parser) -> None:
    for name, action in add_actions(parser, _ACTIONS).items():
        if name == "start":
            for key, (kind, metavar, words_) in _START.items():
                option = f"--{key.removesuffix('_s').replace('_', '-')}"
                action.add_argument(option, dest=key, type=kind, metavar=metavar, help=words_)
        add_targets(action)
        add_command_options(action)


def _start_options(options: argparse.Namespace) -> dict[str, object]:
    return {key: getattr(options, key) for key in _START if getattr(options, key) is not None}


def _start_arguments(given: dict[str, object]) -> dict[str, object]:
    """As devices want them: with instants of the wall clock."""
    found = dict(given)
    for key in {"start_at", "until"} & set(found):
        try:
            found[key] = instant(str(found[key]), time.time())
        except InvalidArgumentError as error:
            raise UsageError(str(error)) from error
    return found


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
        text = f"{value:g}" if isinstance(value, float) else str(value)
        found += [f"--{key.removesuffix('_s').replace('_', '-')}", text]
    return found


async def _run(options: argparse.Namespace) -> int:
    wanted = targets_of(options)
    given = _start_options(options) if options.action == "start" else {}
    arguments = _start_arguments(given)
    verb = "get" if options.action == "status" else options.action
    async with working(options) as work:
        devices = await work.find(wanted)
        if options.action in ("stop", "pause") and len(devices) > 1:
            work.confirm(f"{options.action} the session", devices)
        command = command_of(options, f"session/{verb}", arguments)
        is_question = options.action == "status"
        again = Again(
            words(options, "session", options.action, *_given_words(given)),
            exactly=words(options, "session", options.action, *_given_words(arguments)),
        )
        return await command_verb(
            work,
            command,
            devices,
            wanted=wanted,
            telling=_tell_status if is_question else None,
            again=None if is_question else again,
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
