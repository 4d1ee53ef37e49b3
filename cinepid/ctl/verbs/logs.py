"""logs: what devices have logged, and log now."""

import argparse
from typing import Any

import msgspec

from cinepi.errors import InvalidArgumentError
from cinepid import topics
from cinepid.ctl import values
from cinepid.ctl.ask import Command
from cinepid.ctl.errors import OK
from cinepid.ctl.output import Output
from cinepid.ctl.program import Verb, whole
from cinepid.ctl.verdict import exit_code, reason
from cinepid.ctl.work import add_targets, targets_of, working
from cinepid.decode import decoded
from cinepid.message import Incoming

_ENTRY = msgspec.json.Decoder(dict[str, Any])
_LEVELS = ("debug", "info", "warning", "error")
_STYLES = {"warning": "yellow", "error": "bold red"}


def _options(parser: argparse.ArgumentParser) -> None:
    add_targets(parser)
    parser.add_argument(
        "-f", "--follow", action="store_true", help="what is logged from now on, as far as told"
    )
    parser.add_argument("-n", "--newest", type=whole, default=50, metavar="N", help="so many [50]")
    parser.add_argument("--level", choices=_LEVELS, help="the least serious")
    parser.add_argument("--module", metavar="NAME", help="only of this part")
    parser.add_argument("--since", metavar="TIME", help="only from this time on")


async def _run(options: argparse.Namespace) -> int:
    wanted = targets_of(options, everyone_if_none=True)
    filters = {
        key: getattr(options, key)
        for key in ("level", "module", "since")
        if getattr(options, key) is not None
    }
    async with working(options) as work:
        devices = await work.find(wanted)
        names = {device.id for device in devices}
        if options.follow:
            work.link.hearers.append(lambda message: _hear(work.output, options, names, message))
            await work.link.listen(topics.of_every_device("log", "+"), with_retained=False)
            raise await work.link.connection.lost
        command = Command("logs/recent", {**filters, "limit": options.newest}, options.timeout)
        outcome = await work.ask(command, devices)
        found = []
        for reply in outcome.replies.values():
            if reply.has_done_it:
                entries = (reply.data() or {}).get("logs") or []
                found += [{"device": reply.device, **entry} for entry in entries]
            else:
                work.output.note(f"{reply.device}: {reason(reply)}")
        for device in outcome.silent:
            work.output.note(f"{device.id}: no answer")
        for entry in sorted(found, key=lambda entry: str(entry.get("timestamp"))):
            _show(work.output, entry)
        return exit_code(outcome) if outcome.expected else OK


def _hear(output: Output, options: argparse.Namespace, names: set[str], message: Incoming) -> None:
    try:
        address = topics.parse(message.topic)
    except InvalidArgumentError:
        return
    entry = decoded(_ENTRY, message.payload)
    if address.channel != "log" or address.device not in names or entry is None:
        return
    level = str(entry.get("level"))
    least = _LEVELS.index(options.level) if options.level else 0
    is_serious = level not in _LEVELS or _LEVELS.index(level) >= least
    is_asked_for = options.module in (None, entry.get("module"))
    if is_serious and is_asked_for:
        _show(output, {"device": address.device, **entry})


def _show(output: Output, entry: dict[str, Any]) -> None:
    if output.is_json:
        output.json_line(entry)
        return
    fields = values.flat(entry.get("fields") or {})
    facts = " ".join(f"{key}={values.shown(value)}" for key, value in fields.items() if key)
    level = str(entry.get("level", ""))
    output.styled(
        f"{entry.get('timestamp') or entry.get('at')}  {entry['device']}  {level.upper():7}  "
        f"{entry.get('module')}: {entry.get('message')} {facts}".rstrip(),
        _STYLES.get(level, ""),
    )
    if exception := entry.get("exception"):
        for line in str(exception).splitlines():
            output.line(f"    {line}")


VERB = Verb(
    help="show logs, and follow new entries",
    run=_run,
    add_options=_options,
    examples=("logs garden --level warning", "logs -f", "logs --all --since 2026-11-23T09:00:00Z"),
)
