"""events: what happened, and what happens."""

import argparse
import asyncio
from typing import Any

import msgspec

from cinepi.errors import CinepiError, InvalidArgumentError
from cinepid import topics
from cinepid.ctl import values
from cinepid.ctl.ask import Command
from cinepid.ctl.errors import OK, PARTIAL
from cinepid.ctl.fleet import Device, decoded_event
from cinepid.ctl.output import Output
from cinepid.ctl.program import Verb
from cinepid.ctl.text import count
from cinepid.ctl.work import Work, add_targets, reason, targets_of, working
from cinepid.message import Incoming

_ENVELOPE = {"seq", "boot", "at", "type", "event_type", "replay"}
_BEYOND = 2**53  # no journal gets so far: asks only for the newest number
_URGENT = {"camera_lost", "capture_failed", "frames_missed", "storage_low", "gap"}


def _options(parser: argparse.ArgumentParser) -> None:
    add_targets(parser)
    parser.add_argument("-f", "--follow", action="store_true", help="go on with what happens now")
    parser.add_argument("-n", "--newest", type=int, default=20, metavar="N", help="so many [20]")
    parser.add_argument("--after", type=int, metavar="SEQ", help="all after this number")
    parser.add_argument("--type", action="append", metavar="TYPE", help="such as capture_stored")


class _Printer:
    """Prints events once, and notices those that did not come."""

    def __init__(self, output: Output, options: argparse.Namespace, devices: list[Device]) -> None:
        self._output = output
        self._types = options.type
        self._wanted = {device.id for device in devices}
        self._is_everyone = options.all
        self._newest: dict[str, int] = {}

    def hear(self, message: Incoming) -> None:
        """Take a message, if it is an event of one that is meant."""
        try:
            address = topics.parse(message.topic)
        except InvalidArgumentError:
            return
        device, event = address.device, decoded_event(message.payload)
        if address.channel != "event" or device is None or event is None:
            return
        if not self._is_everyone and device not in self._wanted:
            return
        before = self._newest.get(device)
        if before is not None and event.seq > before + 1 and event.type != "gap":
            missing = count(event.seq - before - 1, "event")
            hint = f"cinepictl events {device} --after {before}"
            self._output.note(f"{device}: {missing} did not come; {hint}")
        if before is None or event.seq > before:
            self.show(device, event.seq, msgspec.json.decode(message.payload))

    def show(self, device: str, seq: int, event: dict[str, object]) -> None:
        """Print an event."""
        self._newest[device] = max(seq, self._newest.get(device, 0))
        kind = str(event.get("type") or event.get("event_type"))
        if self._types and kind not in self._types:
            return
        if self._output.is_json:
            self._output.json_line({"device": device, **event})
            return
        facts = {key: value for key, value in event.items() if key not in _ENVELOPE}
        shown = " ".join(
            f"{key}={values.shown(value)}"
            for key, value in values.flat(facts).items()
            if value not in (None, [], {})
        )
        line = f"{event.get('at')}  {device}  #{seq}  {kind}  {shown}"
        self._output.styled(line, "yellow" if kind in _URGENT else "")


async def _run(options: argparse.Namespace) -> int:
    wanted = targets_of(options, everyone_if_none=True)
    options.all = wanted.is_all and not (options.group or options.match)
    async with working(options) as work:
        devices = await work.find(wanted)
        printer = _Printer(work.output, options, devices)
        work.link.hearers.append(printer.hear)
        if options.follow:
            await work.link.listen(topics.of_every_device("event", "+"), qos=1, with_retained=False)
        code = OK
        if not options.follow or options.after is not None:
            code = await _past(work, options, devices, printer)
        if options.follow:
            raise await work.link.connection.lost
    return code


async def _past(
    work: Work, options: argparse.Namespace, devices: list[Device], printer: _Printer
) -> int:
    """Print what the journals have, device by device; all are asked at once."""
    asked = [_past_of(work, options, device, printer) for device in devices if device.is_online]
    results = await asyncio.gather(*asked, return_exceptions=True)
    failures = [error for error in results if isinstance(error, CinepiError)]
    for result in results:
        if isinstance(result, CinepiError):
            work.output.note(str(result))
        elif isinstance(result, BaseException):
            raise result
    away = [device.id for device in devices if not device.is_online]
    if away:
        work.output.note(f"{count(len(away), 'device')} offline: {', '.join(away[:8])}")
    return PARTIAL if failures else OK


async def _past_of(
    work: Work, options: argparse.Namespace, device: Device, printer: _Printer
) -> None:
    after = options.after
    if after is None:
        newest = await _replay(work, options, device, _BEYOND, 1)
        after = max(0, int(newest.get("last", 0)) - options.newest)
    while after is not None:
        page = await _replay(work, options, device, after, 500)
        if page.get("lost"):
            lost = count(int(page["lost"]), "event")
            work.output.note(f"{device.id}: {lost} were dropped by the journal")
        for entry in page.get("events") or []:
            data = entry.get("data") or {}
            printer.show(device.id, int(entry["seq"]), {**entry, "data": None, **data})
        after = page.get("next")


async def _replay(
    work: Work, options: argparse.Namespace, device: Device, after: int, limit: int
) -> dict[str, Any]:
    command = Command("events/replay", {"after": after, "limit": limit}, options.timeout)
    outcome = await work.ask(command, [device])
    reply = outcome.replies.get(device.id)
    if reply is None or not reply.has_done_it:
        raise CinepiError(f"{device.id}: {reason(reply) if reply else 'no answer'}")
    return reply.data() or {}


VERB = Verb(
    help="show past events, and follow new ones",
    run=_run,
    add_options=_options,
    examples=("events garden", "events -f", "events -f --type capture_stored --json"),
)
