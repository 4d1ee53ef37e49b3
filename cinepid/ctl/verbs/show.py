"""show: everything that one device says about itself."""

import argparse
import time

import msgspec

from cinepi.errors import InvalidArgumentError
from cinepid import topics
from cinepid.ctl import values
from cinepid.ctl.condition import judge
from cinepid.ctl.errors import OK
from cinepid.ctl.output import STYLES, Output
from cinepid.ctl.program import Verb
from cinepid.ctl.work import working
from cinepid.decode import decoded
from cinepid.message import Incoming

_CHANNELS = ("status", "info", "session", "camera", "capture", "health", "config")
_DOCUMENT = msgspec.json.Decoder()
_LEFT_OUT = ("info.cameras", "info.commands", "info.broadcast_commands")


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("device", metavar="DEVICE", help="its name")


async def _run(options: argparse.Namespace) -> int:
    documents: dict[str, object] = {}

    def keep(message: Incoming) -> None:
        try:
            address = topics.parse(message.topic)
        except InvalidArgumentError:
            return
        document = decoded(_DOCUMENT, message.payload)
        if address.device == options.device and document is not None:
            documents[address.channel] = document

    async with working(options) as work:
        work.link.hearers.append(keep)
        await work.survey.look_at(options.device, _CHANNELS)
        if not documents:  # a glob, or nobody
            options.device = (await work.find_one(options.device)).id
            await work.survey.look_at(options.device, _CHANNELS)
        device = work.survey.fleet.devices[options.device]
        judgement = judge(device, time.time())
        if options.json:
            problems = [finding.text for finding in judgement.findings]
            work.output.json({"device": options.device, "problems": problems, **documents})
            return OK
        for finding in judgement.findings:
            work.output.styled(finding.text, STYLES[finding.urgency])
        for channel in _CHANNELS:
            if channel in documents:
                work.output.styled(channel, "cyan")
                _show(work.output, channel, documents[channel])
    return OK


def _show(output: Output, channel: str, document: object) -> None:
    for path, value in values.flat(document).items():
        is_wanted = not f"{channel}.{path}".startswith(_LEFT_OUT)
        if is_wanted and value not in (None, [], {}, ""):
            output.line(f"  {path:34} {values.shown(value)}")


VERB = Verb(
    help="show all that one device says of itself",
    run=_run,
    add_options=_options,
    examples=("show garden", "show garden --json | jq .session"),
)
