"""forget: take a device that has left off the broker."""

import argparse
import asyncio

from cinepi.errors import CinepiError
from cinepid import topics
from cinepid.ctl.ask import Command
from cinepid.ctl.errors import ALL_FAILED, OK, PARTIAL, UsageError
from cinepid.ctl.fleet import Device
from cinepid.ctl.program import Verb
from cinepid.ctl.text import count
from cinepid.ctl.verdict import reason
from cinepid.ctl.work import Work, add_targets, targets_of, working
from cinepid.message import Incoming, Outgoing

_KNOWN = ("info", "session", "camera", "config", "config/schema", "health", "capture", "image")
_DISCOVERY = "homeassistant"


def _options(parser: argparse.ArgumentParser) -> None:
    add_targets(parser)
    parser.add_argument(
        "--prefix", default=_DISCOVERY, help=f"Home Assistant's discovery prefix [{_DISCOVERY}]"
    )


async def _run(options: argparse.Namespace) -> int:
    wanted = targets_of(options)
    if wanted.is_all or wanted.groups:
        raise UsageError("name the devices to forget; never all of them, nor a group")
    async with working(options) as work:
        devices = await work.find(wanted)
        work.confirm("forget for good what is stored", devices)
        done = 0
        for device in devices:
            try:
                done += await _forget(work, options, device)
            except CinepiError as error:
                work.output.note(f"{device.id}: {error}")
        if options.json:
            work.output.json({"forgotten": done, "asked": [device.id for device in devices]})
    return OK if done == len(devices) else PARTIAL if done else ALL_FAILED


async def _forget(work: Work, options: argparse.Namespace, device: Device) -> bool:
    """Let the device clear what it knows of, then clear what is left."""
    if device.is_online:
        outcome = await work.ask(Command("system/forget", timeout=options.timeout), [device])
        reply = outcome.replies.get(device.id)
        if reply is None or not reply.has_done_it:
            why = reason(reply) if reply else "it says it is online, but does not answer"
            work.output.note(f"{device.id} was not forgotten: {why}")
            return False
        work.output.note(f"{device.id}: {reply.answer.message}")
    stored = await _stored(work, device, options.prefix)
    for topic in stored:
        await work.link.send(Outgoing(topic=topic, payload=b"", retain=True))
    if not options.json:
        work.output.line(f"{device.id}  {count(len(stored), 'topic')} cleared")
    return True


async def _stored(work: Work, device: Device, prefix: str) -> list[str]:
    """Topics that the broker has something for, and those that it might not tell of."""
    own = topics.Topics(device.id)
    found = {own.status, *(own.document(*channel.split("/")) for channel in _KNOWN)}
    discovery = topics.discovery(prefix, device.id)
    found.add(discovery)
    below = topics.below(device.id)

    def hear(message: Incoming) -> None:
        if message.retain and message.payload and message.topic.startswith(below[:-1]):
            found.add(message.topic)

    work.link.hearers.append(hear)
    try:
        await work.link.listen(below)
        await asyncio.sleep(0.2)  # brokers other than mosquitto may still be sending
    finally:
        work.link.hearers.remove(hear)
    # Home Assistant's announcement goes first, or its entities would complain about the rest being
    # empty; `status` goes last: until then the device is still known by it.
    return sorted(found, key=lambda topic: (topic != discovery, topic == own.status, topic))


VERB = Verb(
    help="clear what a device that has left is still stored with",
    run=_run,
    add_options=_options,
    examples=("forget old-shed", "forget 'test-*' --yes"),
)
