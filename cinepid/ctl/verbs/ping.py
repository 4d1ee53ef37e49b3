"""ping: who answers, how fast, and what time it is there."""

import argparse
import time

from cinepid.ctl.ask import Reply
from cinepid.ctl.fleet import time_of
from cinepid.ctl.program import Verb
from cinepid.ctl.work import (
    add_command_options,
    add_targets,
    command_of,
    command_verb,
    targets_of,
    working,
)


def _options(parser: argparse.ArgumentParser) -> None:
    add_targets(parser)
    add_command_options(parser)


async def _run(options: argparse.Namespace) -> int:
    wanted = targets_of(options, everyone_if_none=True)
    async with working(options) as work:
        devices = await work.find(wanted)
        sent = time.time()

        def tell(reply: Reply) -> str:
            pong = reply.data() or {}
            parts = [f"{1000 * reply.after:.0f} ms"]
            if (at := time_of(pong.get("at"))) is not None:
                parts.append(f"clock {at - sent:+.3f} s")
            if not pong.get("clock_synced", True):
                parts.append("not set by a time server")
            if not pong.get("camera_service", True):
                parts.append("its camera service does not answer")
            return ", ".join(parts)

        command = command_of(options, "system/ping")
        return await command_verb(work, command, devices, wanted=wanted, telling=tell)


VERB = Verb(
    help="see who answers, and compare clocks",
    run=_run,
    add_options=_options,
    examples=("ping", "ping garden", "ping --group north"),
)
