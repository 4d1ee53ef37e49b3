"""Finding the devices: their retained documents, one channel after the other.

In slices, because brokers silently drop what a subscriber cannot swallow at once: mosquitto gave
1,503 of 8,000 documents of 1,000 devices to one subscription for all (measured at QoS 1 with its
default limits), and all of them in slices. Images are never among them.
"""

import asyncio
import time
from collections.abc import Iterable, Sequence

from cinepi.errors import CinepiError
from cinepi.units import MonotonicTime, Seconds
from cinepid import topics
from cinepid.ctl.fleet import Fleet
from cinepid.ctl.link import Link
from cinepid.message import Incoming, Outgoing

EVERYTHING = ("status", "info", "session", "health", "capture")
OVERVIEW = ("status", "health", "session", "capture")

_ASK_AGAIN = 200  # topics in one subscription, for documents that did not come
_QUIET: Seconds = 0.15
_LONGEST_SETTLING: Seconds = 3.0
_ALWAYS_THERE = frozenset({"status", "info", "session", "health"})  # not every camera has a picture


class Survey:
    """Keeps a fleet up to date with what a link hears."""

    def __init__(self, link: Link) -> None:
        """Listen; `look` asks."""
        self.fleet = Fleet()
        self._link = link
        self._heard_at: MonotonicTime = 0.0
        link.hearers.append(self._hear)

    async def look(self, channels: Sequence[str]) -> None:
        """Ask for the documents of these channels of every device, `status` first.

        On a broker that has stored nothing, or cannot find it by wildcard, the devices are asked to
        say it all again.

        Raises:
            BrokerError: The broker refuses, or is gone.
        """
        for channel in channels:
            await self._link.listen(topics.of_every_device(channel))
        is_sure = self._link.connection.protocol == "5.0"  # see `Link.listen`
        if not is_sure or not self.fleet.devices or self._missing(channels):
            await self._settle()
        if not self.fleet.devices and await self._have_it_said_again():
            await self._settle(least=1.5)
        missing = self._missing(channels)
        for start in range(0, len(missing), _ASK_AGAIN):
            await self._link.listen(*missing[start : start + _ASK_AGAIN])

    async def look_at(self, device: str, channels: Iterable[str]) -> None:
        """Ask for documents of one device, by their exact topics.

        Raises:
            BrokerError: The broker refuses, or is gone.
        """
        own = topics.Topics(device)
        await self._link.listen(*(own.document(*channel.split("/")) for channel in channels))

    def _missing(self, channels: Sequence[str]) -> list[str]:
        wanted = [channel for channel in channels if channel in _ALWAYS_THERE]
        return [
            topics.Topics(device.id).document(channel)
            for device in self.fleet.devices.values()
            for channel in wanted
            if channel not in device.documents and device.is_online
        ]

    async def _have_it_said_again(self) -> bool:
        address = topics.Address(channel="cmd", path=("system", "republish"))
        message = Outgoing(topic=topics.build(address), payload=b'{"spread_ms":500}', qos=0)
        try:
            await self._link.send(message)
        except CinepiError:  # this user may only listen
            return False
        return True

    async def _settle(self, least: Seconds = 0.0) -> None:
        """Wait until nothing has come for a moment."""
        began = time.monotonic()
        while True:
            now = time.monotonic()
            quiet_since = max(self._heard_at, began + least - _QUIET)
            if now - quiet_since >= _QUIET or now - began > _LONGEST_SETTLING:
                return
            await asyncio.sleep(_QUIET / 3)

    def _hear(self, message: Incoming) -> None:
        self._heard_at = now = time.monotonic()
        self.fleet.hear(
            message.topic,
            message.payload,
            is_live=not message.retain,
            wall=time.time(),
            now=now,
        )
