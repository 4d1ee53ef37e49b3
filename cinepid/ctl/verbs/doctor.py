"""doctor: what is wrong with the broker, the devices, and the way between."""

import argparse

from cinepid.ctl.condition import Urgency
from cinepid.ctl.errors import ALL_FAILED, OK
from cinepid.ctl.examination import examine
from cinepid.ctl.output import STYLES
from cinepid.ctl.program import Verb
from cinepid.ctl.text import count
from cinepid.ctl.work import working

_MARKS = {
    Urgency.NONE: "  ok",
    Urgency.NOTE: "note",
    Urgency.WARNING: "WARN",
    Urgency.ALARM: "FAIL",
}


async def _run(options: argparse.Namespace) -> int:
    wrong = 0
    async with working(options) as work:
        async for finding in examine(work):
            wrong += finding.urgency <= Urgency.WARNING
            if options.json:
                urgency = finding.urgency.name.lower()
                work.output.json_line(
                    {"urgency": urgency, "text": finding.text, "advice": finding.advice}
                )
                continue
            mark = _MARKS[finding.urgency]
            work.output.styled(f"{mark}  {finding.text}", STYLES[finding.urgency])
            if finding.advice:
                work.output.line(f"      -> {finding.advice}")
        if not options.json:
            work.output.note(f"{count(wrong, 'thing')} to mend" if wrong else "all is well")
    return ALL_FAILED if wrong else OK


VERB = Verb(
    help="look for what is wrong with broker, devices and clocks",
    run=_run,
    examples=("doctor", "doctor --context garden --json"),
)
