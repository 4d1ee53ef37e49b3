"""events: what happened, and what happens."""

import argparse
import asyncio

from cinepi.errors import CinepiError
from cinepi.units import Seconds
from cinepid import topics
from cinepid.ctl import values
from cinepid.ctl.errors import ALL_FAILED, OK, PARTIAL, NoDeviceError
from cinepid.ctl.fleet import Device
from cinepid.ctl.history import Event, Follower, newest, past
from cinepid.ctl.output import Output
from cinepid.ctl.program import Verb, whole
from cinepid.ctl.target import Targets
from cinepid.ctl.text import count
from cinepid.ctl.work import Work, add_targets, targets_of, working
from cinepid.errors import BrokerError

_ENVELOPE = {"seq", "boot", "at", "type", "event_type", "replay"}
_LEFT_OUT = {*_ENVELOPE, "path", "sha256", "width", "height", "quality", "achieved"}
"""What a person does not read in a line; `--json` has it."""
_URGENT = {"camera_lost", "capture_failed", "frames_missed", "storage_low", "gap"}
_TRY_AGAIN: Seconds = 2.0


def _options(parser: argparse.ArgumentParser) -> None:
    add_targets(parser)
    parser.add_argument(
        "-f",
        "--follow",
        action="store_true",
        help="go on with what happens now; what did not come is fetched from the journals",
    )
    parser.add_argument("-n", "--newest", type=whole, default=20, metavar="N", help="so many [20]")
    parser.add_argument("--after", type=int, metavar="SEQ", help="all after this number")
    parser.add_argument("--type", action="append", metavar="TYPE", help="such as capture_stored")


async def _run(options: argparse.Namespace) -> int:
    wanted = targets_of(options, everyone_if_none=True)
    if options.follow:
        return await _follow(options, wanted)
    async with working(options) as work:
        devices = await work.find(wanted)
        return await _past(work, options, devices)


async def _past(work: Work, options: argparse.Namespace, devices: list[Device]) -> int:
    """Print what the journals have, in the order of time; all are asked at once."""
    there = [device for device in devices if device.is_online]
    asked = (_of_one(work, options, device) for device in there)
    results = await asyncio.gather(*asked, return_exceptions=True)
    found: list[tuple[str, Event]] = []
    failed = 0
    for device, result in zip(there, results, strict=True):
        if isinstance(result, CinepiError):
            failed += 1
            work.output.note(str(result))
        elif isinstance(result, BaseException):
            raise result
        else:
            found += ((device.id, event) for event in result)
    for name, event in sorted(found, key=lambda pair: str(pair[1].get("at"))):
        _show(work.output, options, name, event)
    away = [device.id for device in devices if not device.is_online]
    if away:
        work.output.note(f"{count(len(away), 'device')} offline: {', '.join(away[:8])}")
    if failed + len(away) == 0:
        return OK
    return PARTIAL if failed < len(there) else ALL_FAILED


async def _of_one(work: Work, options: argparse.Namespace, device: Device) -> list[Event]:
    after = options.after
    if after is None:
        after = max(0, await newest(work, device) - options.newest)
    return [event async for event in past(work, device, after)]


async def _follow(options: argparse.Namespace, wanted: Targets) -> int:
    """Print what happens, over broken connections too, until interrupted.

    Raises:
        CinepiError: The very first connection failed, or nobody fits.
    """
    output, meant = Output(is_json=options.json), set[str]()
    is_everyone = wanted.is_all and not (options.group or options.match)
    follower = Follower(
        lambda device: is_everyone or device in meant,
        lambda device, event: _show(output, options, device, event),
    )
    is_first = True
    while True:
        try:
            async with working(options) as work:
                devices = await work.find(wanted)
                meant.update(device.id for device in devices)
                await _listen(work, options, follower, devices if is_first else [])
                is_first = False
                await asyncio.wait([work.link.connection.lost])
                output.note(f"{work.link.connection.lost.result()}; trying again")
        except (BrokerError, NoDeviceError):
            # A broker that has forgotten everything knows no device until one is back.
            if is_first:
                raise
        await follower.close()
        await asyncio.sleep(_TRY_AGAIN)


async def _listen(
    work: Work, options: argparse.Namespace, follower: Follower, devices: list[Device]
) -> None:
    """Begin to hear events, at the past that was asked for or where the last connection ended."""
    if options.after is not None:
        for device in devices:
            follower.told.setdefault(device.id, options.after)
    missing = list(follower.told)
    work.link.hearers.append(lambda message: follower.hear(work, message))
    for name in missing:
        follower.catch_up(work, name)
    await work.link.listen(topics.of_every_device("event", "+"), qos=1, with_retained=False)


def _show(output: Output, options: argparse.Namespace, device: str, event: Event) -> None:
    kind = str(event.get("type") or event.get("event_type"))
    if options.type and kind not in options.type:
        return
    if output.is_json:
        output.json_line({"device": device, **event})
        return
    facts = {key: value for key, value in event.items() if key not in _LEFT_OUT}
    shown = " ".join(
        f"{key}={values.shown(value)}"
        for key, value in values.flat(facts).items()
        if value not in (None, [], {})
    )
    line = f"{event.get('at')}  {device}  #{event.get('seq')}  {kind}  {shown}"
    output.styled(line, "yellow" if kind in _URGENT else "")


VERB = Verb(
    help="show past events, and follow new ones",
    run=_run,
    add_options=_options,
    examples=("events garden", "events -f", "events -f --type capture_stored --json"),
)
