"""snapshot: a picture now, or all at one instant."""

import argparse
import time
from dataclasses import replace
from pathlib import Path

from cinepid.ctl.ask import Outcome, Reply, instant
from cinepid.ctl.errors import OK, PARTIAL
from cinepid.ctl.fleet import time_of
from cinepid.ctl.program import Verb
from cinepid.ctl.text import size
from cinepid.ctl.transfer import fetch
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


def _options(parser: argparse.ArgumentParser) -> None:
    add_targets(parser)
    parser.add_argument(
        "--at", metavar="TIME", help="fire at this instant: +2s, or RFC 3339; up to 60 s ahead"
    )
    parser.add_argument("--save", type=Path, metavar="FOLDER", help="fetch the pictures into it")
    add_command_options(parser)


def _tell(reply: Reply) -> str:
    capture = reply.data() or {}
    parts = [str(capture.get("filename", "")), size(capture.get("size"))]
    if (late := capture.get("late_ms")) is not None:
        parts.append(f"{late:.1f} ms late")
    if not capture.get("clock_synced", True):
        parts.append("clock not set")
    elif capture.get("clock_error_ms") is not None:
        parts.append(f"clock good to {capture['clock_error_ms']:.1f} ms")
    return "  ".join(parts)


async def _run(options: argparse.Namespace) -> int:
    wanted = targets_of(options)
    async with working(options) as work:
        devices = await work.find(wanted)
        at = instant(options.at, time.time())
        command = command_of(options, "snapshot/take", {} if at is None else {"at": at})
        if (moment := time_of(at)) is not None:
            ahead = max(0.0, moment - time.time())
            command = replace(command, timeout=command.timeout + ahead)
        saving = ["--save", str(options.save)] if options.save else []
        again = Again(
            words(options, "snapshot", *_at(options.at), *saving),
            exactly=words(options, "snapshot", *_at(at), *saving),
        )
        saved: dict[str, str | None] = {}

        async def save(outcome: Outcome) -> dict[str, object]:
            if options.save is None:
                return {}
            for reply in outcome.done:
                filename = str((reply.data() or {}).get("filename"))
                path = await fetch(work, reply.device, filename, options.save)
                saved[reply.device] = None if path is None else str(path)
                if path is not None and not options.json:
                    work.output.line(f"{path}  {size(path.stat().st_size)}")
            return {"saved": saved}

        code = await command_verb(
            work, command, devices, wanted=wanted, telling=_tell, again=again, then=save
        )
    return PARTIAL if code == OK and None in saved.values() else code


def _at(moment: str | None) -> list[str]:
    return [] if moment is None else ["--at", moment]


VERB = Verb(
    help="take a picture",
    run=_run,
    add_options=_options,
    examples=("snapshot garden", "snapshot --all", "snapshot --group north --at +2s --save pics"),
)
