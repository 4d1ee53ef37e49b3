"""`python3 -m cinepi.timing`: start, steer and watch a timelapse session."""

import argparse
import sys
from typing import Any

from cinepi import cli
from cinepi.units import Seconds, counted

_LIMIT: Seconds = 28.0
"""For a whole command: callers are promised an answer within 30 s."""


def _start(args: argparse.Namespace) -> int:
    from cinepi.protocol import StartParams  # noqa: PLC0415 - the other verbs do without

    session = cli.ask(args, "session.start", cli.given(args, StartParams), limit=_LIMIT)
    began = f"waits for {session['started_at']}" if session["state"] == "waiting" else "started"
    sys.stdout.write(f"Session {began} with {_number(session['interval'])}s interval\n")
    return 0


def _stop(args: argparse.Namespace) -> int:
    session = cli.ask(args, "session.stop", limit=_LIMIT)
    sys.stdout.write(f"Session stopped after {_count(session)}\n")
    return 0


def _pause(args: argparse.Namespace) -> int:
    session = cli.ask(args, "session.pause", limit=_LIMIT)
    sys.stdout.write(f"Session paused after {_count(session)}\n")
    return 0


def _resume(args: argparse.Namespace) -> int:
    session = cli.ask(args, "session.resume", limit=_LIMIT)
    sys.stdout.write(f"Session goes on, next frame at {session['next_at']}\n")
    return 0


def _status(args: argparse.Namespace) -> int:
    cli.show_json(cli.ask(args, "session.get", limit=_LIMIT))
    return 0


def _count(session: dict[str, Any]) -> str:
    return f"{counted(session['frames'], 'frame')}, {session['missed']} missed"


def _number(value: float) -> str:
    return f"{value:.12g}"


def _add_start_options(options: argparse.ArgumentParser) -> None:
    from cinepi.features import features_of  # noqa: PLC0415 - the other verbs do without
    from cinepi.protocol import StartParams  # noqa: PLC0415

    cli.add_features(options, features_of(StartParams), {"duration_s": ["--duration"]})


_VERBS = (
    cli.Verb(
        "start",
        "start a session: a picture every so many seconds, until it is stopped or ends by itself",
        _start,
        _add_start_options,
        "start --interval 30\n"
        "start --interval 10 --count 360 --name sunset\n"
        "start --interval 60 --start-at 2027-06-21T04:00 --until 2027-06-21T22:00",
    ),
    cli.Verb("stop", "end the session", _stop, None, "stop"),
    cli.Verb("pause", "take no pictures until it is resumed", _pause),
    cli.Verb("resume", "go on with a paused session", _resume),
    cli.Verb("status", "print the session as JSON", _status, None, "status"),
)


def main() -> int:
    """Run the command line and return its exit code."""
    about = (
        "Start, steer and watch a timelapse session. A session survives restarts and power cuts."
    )
    return cli.main("cinepi.timing", about, _VERBS, sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
