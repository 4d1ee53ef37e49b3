"""Events of devices without gaps: as they come, and from the devices' journals where they did not.

Whatever lies between, a broker that drops, a bridge that was cut, a connection that broke: each
event has a number, and the device's journal has the ones that are missing.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec

from cinepi.errors import CinepiError, InvalidArgumentError
from cinepid import topics
from cinepid.ctl.ask import Command
from cinepid.ctl.fleet import Device, decoded_event
from cinepid.ctl.text import count
from cinepid.ctl.verdict import reason
from cinepid.ctl.work import Work
from cinepid.decode import decoded
from cinepid.message import Incoming

PAGE = 500
_BEYOND = 2**53  # no journal gets so far: asks only for the newest number

Event = dict[str, Any]
_EVENT = msgspec.json.Decoder(Event)


async def newest(work: Work, device: Device) -> int:
    """The number of a device's newest event.

    Raises:
        CinepiError: It does not answer, or not with events.
    """
    return int((await _page(work, device, _BEYOND, 1)).get("last", 0))


async def past(work: Work, device: Device, after: int) -> AsyncIterator[Event]:
    """All events after a number that the journal has, oldest first; says what it has dropped.

    Raises:
        CinepiError: It does not answer, or not with events.
    """
    place: int | None = after
    while place is not None:
        page = await _page(work, device, place, PAGE)
        if page.get("lost"):
            lost = count(int(page["lost"]), "event")
            work.output.note(f"{device.id}: {lost} were dropped by the journal")
        for entry in page.get("events") or []:
            envelope = {key: value for key, value in entry.items() if key != "data"}
            yield {**envelope, **(entry.get("data") or {})}
        place = page.get("next")


async def _page(work: Work, device: Device, after: int, limit: int) -> dict[str, Any]:
    arguments = {"after": after, "limit": limit}
    command = Command("events/replay", arguments, work.options.timeout)
    outcome = await work.ask(command, [device])
    reply = outcome.replies.get(device.id)
    if reply is None or not reply.has_done_it:
        raise CinepiError(f"{device.id}: {reason(reply) if reply else 'no answer'}")
    return reply.data() or {}


class Follower:
    """Tells every event once, in the order of each device; lives longer than one connection.

    Attributes:
        told: The newest number of each device that was told.
    """

    def __init__(self, is_meant: Callable[[str], bool], tell: Callable[[str, Event], None]) -> None:
        """Tell the events of devices that are meant."""
        self.told: dict[str, int] = {}
        self._is_meant = is_meant
        self._tell = tell
        self._held: dict[str, list[Event]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def hear(self, work: Work, message: Incoming) -> None:
        """Take a message, if it is an event of one that is meant."""
        try:
            address = topics.parse(message.topic)
        except InvalidArgumentError:
            return
        device, envelope = address.device, decoded_event(message.payload)
        event = decoded(_EVENT, message.payload)
        if address.channel != "event" or device is None or envelope is None or event is None:
            return
        if not self._is_meant(device):
            return
        before = self.told.get(device)
        if device in self._held:
            self._held[device].append(event)
        elif before is not None and envelope.seq > before + 1 and envelope.type != "gap":
            work.output.note(f"{device}: {count(envelope.seq - before - 1, 'event')} did not come")
            self._held[device] = [event]
            self.catch_up(work, device)
        else:
            self.take(device, event)

    def take(self, device: str, event: Event) -> None:
        """Tell an event, unless it or a later one was told."""
        seq = int(event["seq"])
        if seq > self.told.get(device, -1):
            self.told[device] = seq
            self._tell(device, event)

    def catch_up(self, work: Work, device: str) -> None:
        """Ask the device for what was not told, and then go on with what is held back."""
        self._held.setdefault(device, [])
        task = asyncio.create_task(self._catch_up(work, device), name=f"catch up {device}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Give up asking: the connection is gone, and what is held back will be asked for."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._held.clear()

    async def _catch_up(self, work: Work, device: str) -> None:
        known = work.survey.fleet.devices.get(device) or Device(device)
        try:
            async for event in past(work, known, self.told[device]):
                self.take(device, event)
        except CinepiError as error:
            work.output.note(f"{error}; some events of {device} are missing")
        for event in self._held.pop(device, []):
            self.take(device, event)
