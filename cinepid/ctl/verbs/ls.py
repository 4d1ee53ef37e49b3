"""ls: one line about each device, the worst first."""

import argparse
import time

from cinepid.ctl.errors import NO_DEVICE, OK
from cinepid.ctl.overview import COLUMNS, lines, totals
from cinepid.ctl.program import Verb
from cinepid.ctl.survey import OVERVIEW
from cinepid.ctl.work import add_targets, targets_of, working


async def _run(options: argparse.Namespace) -> int:
    wanted = targets_of(options, everyone_if_none=True)
    async with working(options) as work:
        devices = await work.find(wanted, OVERVIEW)
        everyone = work.survey.fleet.devices.values()
        found = lines(devices, everyone, time.time())
        if options.json:
            work.output.json([line.json for line in found])
        else:
            work.output.table(COLUMNS, (line.row for line in found))
            work.output.note(f"{totals(found)}; broker {work.link.server}")
    return OK if found else NO_DEVICE


VERB = Verb(
    help="list the devices, what needs a person first",
    run=_run,
    add_options=add_targets,
    examples=("ls", "ls 'roof-*'", "ls --match state=offline", "ls --json | jq '.[].device'"),
)
