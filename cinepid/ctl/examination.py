"""What `doctor` looks at, from where the operator sits; each finding says what to do about it."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import NamedTuple

from cinepi.errors import CinepiError
from cinepi.units import Seconds
from cinepid import topics
from cinepid.ctl.ask import Command
from cinepid.ctl.condition import CLOCK_TOLERANCE, Urgency, judge, usual_version
from cinepid.ctl.fleet import Device, time_of
from cinepid.ctl.survey import EVERYTHING, OVERVIEW
from cinepid.ctl.target import Targets
from cinepid.ctl.text import count
from cinepid.ctl.work import Work
from cinepid.message import Incoming

_FEW = 6
_SWALLOW: Seconds = 5.0
_LARGE = 64 * 1024


class Finding(NamedTuple):
    """One thing that was looked at."""

    urgency: Urgency
    text: str
    advice: str = ""


async def examine(work: Work) -> AsyncIterator[Finding]:
    """Look at the broker, then at the devices; one finding after the other."""
    for finding in _connection(work):
        yield finding
    await work.survey.look(EVERYTHING)
    devices = list(work.survey.fleet.devices.values())
    if not devices:
        advice = "is a device configured for this broker, and may this user read cinepi/#?"
        yield Finding(Urgency.ALARM, "no device has said anything on this broker", advice)
        return
    online = [device for device in devices if device.is_online]
    yield _good(f"{count(len(devices), 'device')} known, {len(online)} online")
    yield await _queues(work, len(devices))
    for finding in _completeness(work, devices):
        yield finding
    async for finding in _answers(work, devices):
        yield finding
    usual = usual_version(devices)
    for device in sorted(devices, key=lambda device: device.id):
        for found in judge(device, time.time(), usual).findings:
            yield Finding(found.urgency, f"{device.id}: {found.text}")


def _good(text: str) -> Finding:
    return Finding(Urgency.NONE, text)


def _connection(work: Work) -> list[Finding]:
    connection, limits = work.link.connection, work.link.connection.limits
    found = [_good(f"broker {work.link.server} lets us in, MQTT {connection.protocol}")]
    if connection.protocol != "5.0":
        advice = (
            "stored and live messages cannot be told apart as well; prefer a broker with MQTT 5"
        )
        found.append(Finding(Urgency.NOTE, "the broker speaks MQTT 3.1.1 only", advice))
    if not limits.has_retain:
        advice = "switch retained messages on in the broker, or nobody finds the devices"
        found.append(Finding(Urgency.ALARM, "the broker stores no retained messages", advice))
    if limits.max_qos < 1:
        found.append(Finding(Urgency.ALARM, "the broker takes QoS 0 only: messages may be lost"))
    if limits.max_packet < _LARGE:
        text = f"the broker takes at most {limits.max_packet} bytes in a message"
        found.append(Finding(Urgency.WARNING, text, "raise its limit to 64 KB or more"))
    return found


async def _queues(work: Work, devices: int) -> Finding:
    """Does the broker keep all it has stored for a subscriber who asks for it at once?

    mosquitto drops what exceeds its `max_queued_messages`, 1,000 as it comes, without a word.
    """
    stored = sum(len(device.documents) for device in work.survey.fleet.devices.values())
    heard: set[str] = set()

    def hear(message: Incoming) -> None:
        if message.retain:
            heard.add(message.topic)

    wanted = [topics.of_every_device(channel) for channel in OVERVIEW]
    expected = sum(
        channel in device.documents
        for device in work.survey.fleet.devices.values()
        for channel in OVERVIEW
    )
    work.link.hearers.append(hear)
    try:
        await work.link.listen(*wanted, qos=1)
        until = time.monotonic() + _SWALLOW
        before = -1
        while len(heard) < expected and time.monotonic() < until and before != len(heard):
            before = len(heard)
            await asyncio.sleep(0.5)
    finally:
        work.link.hearers.remove(hear)
    if len(heard) >= expected:
        return _good(f"all of {stored} stored documents came, in slices and at once")
    if not heard:
        return Finding(
            Urgency.NOTE,
            "this broker finds no stored documents by wildcard; the devices said theirs again",
            "normal for a cluster of RabbitMQ; readers of your own need system/republish there",
        )
    return Finding(
        Urgency.WARNING,
        f"asked for at once, only {len(heard)} of {expected} stored documents came",
        f"the broker drops what a subscriber has not taken: in mosquitto.conf set "
        f"max_queued_messages to {max(10_000, 20 * devices)} and max_inflight_messages to 1000",
    )


def _completeness(work: Work, devices: list[Device]) -> list[Finding]:
    found = []
    for channel in ("info", "session", "health"):
        lacking = [d.id for d in devices if d.is_online and channel not in d.documents]
        if lacking:
            text = f"no {channel} of {count(len(lacking), 'device')}: {_names(lacking)}"
            advice = "cinepictl call system/republish DEVICE lets them say it again"
            found.append(Finding(Urgency.WARNING, text, advice))
    ghosts = [device.id for device in devices if device.status is None]
    if ghosts:
        text = f"documents without a device: {_names(ghosts)}"
        found.append(Finding(Urgency.NOTE, text, "cinepictl forget clears what is left of them"))
    if work.survey.fleet.strange:
        text = f"{count(work.survey.fleet.strange, 'message')} from no device of ours"
        advice = "somebody else writes below cinepi/; see who may in the broker's ACL"
        found.append(Finding(Urgency.NOTE, text, advice))
    return found or [_good("what every device should have said is there")]


async def _answers(work: Work, devices: list[Device]) -> AsyncIterator[Finding]:
    online = [device for device in devices if device.is_online]
    if not online:
        return
    sent = time.time()
    command = Command("system/ping", timeout=work.options.timeout)
    try:
        outcome = await work.ask(command, online, Targets(is_all=True))
    except CinepiError as error:
        advice = "let this user write cinepi/+/cmd/#, or use it to look only"
        yield Finding(Urgency.WARNING, f"commands cannot be sent: {error}", advice)
        return
    if outcome.silent:
        names = _names([device.id for device in outcome.silent])
        text = f"say that they are online, but do not answer: {names}"
        yield Finding(Urgency.ALARM, text, "look at cinepid there: journalctl -u cinepid")
    else:
        slowest = max(reply.after for reply in outcome.replies.values())
        everyone = f"all {len(online)} answer" if len(online) > 1 else "it answers"
        yield _good(f"{everyone}, the last after {slowest:.2f} s of {outcome.spread:.2f} s spread")
    for name in sorted(outcome.twice):
        advice = "give one of the two devices another id in cinepid.yaml"
        yield Finding(Urgency.ALARM, f"{name} answered twice, and not the same", advice)
    worst = 0.0
    for reply in outcome.done:
        at = time_of((reply.data() or {}).get("at"))
        if at is None:
            continue
        # It read its clock between our question and its answer: more than that is certain.
        off = max(0.0, at - reply.heard_at) or min(0.0, at - sent)
        worst = max(worst, abs(off))
        if abs(off) > CLOCK_TOLERANCE:
            text = f"{reply.device}: its clock differs from ours by {off:+.1f} s"
            yield Finding(Urgency.WARNING, text, "is a time server set up on both sides?")
    if worst <= CLOCK_TOLERANCE:
        yield _good("all clocks agree with ours, as far as answers can tell")


def _names(names: list[str]) -> str:
    more = f" and {len(names) - _FEW} more" if len(names) > _FEW else ""
    return ", ".join(sorted(names)[:_FEW]) + more
