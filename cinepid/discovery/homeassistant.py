"""When to announce the device: at every connection, at Home Assistant's birth, and at a change.

Home Assistant works on one announcement for a moment and drops most of a different one that comes
meanwhile, so two different ones are never closer than `APART`.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

import msgspec

from cinepi.clock import Clock
from cinepi.errors import CinepiError
from cinepi.logs.setup import logger
from cinepi.model.documents import CameraDocument
from cinepi.protocol import WatchResult
from cinepi.units import MonotonicTime, Seconds
from cinepi.vigil import TURN
from cinepid import topics
from cinepid.config import HomeAssistantSettings
from cinepid.discovery import memory
from cinepid.discovery.document import build
from cinepid.errors import BrokerError
from cinepid.health import HealthDocument
from cinepid.message import Filter, Incoming, Outgoing
from cinepid.payloads import InfoDocument
from cinepid.pulse import Pulse

APART: Seconds = 2.0
"""Between two different announcements."""
SPREAD: Seconds = 3.0
"""A house full of devices does not answer a birth in one instant."""
PATIENCE: Seconds = 5.0
"""How long the very first announcement waits to hear which camera there is."""

BIRTH = b"online"


class Wire(Protocol):
    """Where messages go: a connection, or whatever leads to one."""

    def publish(self, message: Outgoing) -> Awaitable[None]:
        """Send; done when the broker has it."""
        ...


_log = logger("discovery")


class HomeAssistant:
    """Keeps Home Assistant informed of what the device has."""

    def __init__(
        self,
        settings: HomeAssistantSettings,
        info: Callable[[], InfoDocument],
        path: Path,
        *,
        clock: Clock,
        pulse: Pulse,
        luck: Callable[[], float] = random.random,
    ) -> None:
        """Remember where everything is.

        Args:
            settings: Whether, and below which prefix.
            info: The device as it is now.
            path: File for what has been announced.
            clock: Time.
            pulse: To beat in.
            luck: Random numbers from 0 to 1.
        """
        self._settings = settings
        self._info = info
        self._path = path
        self._clock = clock
        self._pulse = pulse
        self._luck = luck
        self._memory = self._kept = memory.load(path)
        self._knows_camera = bool(self._memory.camera_features)
        self._due: MonotonicTime | None = None
        self._is_birth = False
        self._is_withdrawn = False
        self._said = b""
        self._said_at: MonotonicTime = -APART
        self._refused = ""
        self._changed = asyncio.Event()

    @property
    def filters(self) -> tuple[Filter, ...]:
        """Home Assistant's birth; an old one that somebody has retained says nothing."""
        if not self._settings.enabled:
            return ()
        return (Filter(self._settings.birth_topic, with_retained=False),)

    def hear(self, message: Incoming) -> bool:
        """Take Home Assistant's birth message; False for any other message."""
        if not self._settings.enabled or message.topic != self._settings.birth_topic:
            return False
        message.acknowledge()
        if message.payload == BIRTH and not message.retain:
            self._is_birth = True
            self._want(self._clock.monotonic() + SPREAD * self._luck())
        return True

    def on_up(self, state: WatchResult) -> None:
        """The camera service is there."""
        self.on_camera(state.camera)

    def on_down(self, reason: str) -> None:
        """The camera service is not there; its entities stay."""

    def on_state(self, topic: str, document: bytes) -> None:
        """A document of the camera service has changed."""
        if topic == "camera":
            self.on_camera(msgspec.json.decode(document, type=CameraDocument))

    def on_journal(self, last_seq: int) -> None:
        """Events are told by others."""

    def on_camera(self, camera: CameraDocument) -> None:
        """The camera has changed, or is known now."""
        learnt = self._memory.with_camera(camera)
        if not self._knows_camera:
            self._knows_camera = True
            if self._due is not None:
                self._want(self._clock.monotonic())
        self._learn(learnt)

    def on_health(self, health: HealthDocument) -> None:
        """The board has told how it is."""
        self._learn(self._memory.with_health(health))

    async def announce(self, connection: Wire) -> None:
        """Announce over a new connection, before the device says that it is online.

        Raises:
            BrokerError: The connection was lost.
        """
        self._is_withdrawn = False
        self._memory = self._memory.without_seen()
        if self._settings.enabled and not self._knows_camera:
            self._want(self._clock.monotonic() + PATIENCE)
        else:
            await self._announce(connection)

    async def run(self, wire: Wire, say_again: Callable[[], Awaitable[object]]) -> None:
        """Announce whenever it is due, until cancelled.

        Args:
            wire: Leads to the broker while there is a connection.
            say_again: Publishes all retained state: Home Assistant may have missed what came
                before the announcement that it belongs to.
        """
        while True:
            left = TURN if self._due is None else self._due - self._clock.monotonic()
            if left > 0:
                self._changed.clear()
                await self._pulse.rest("discovery", self._changed, min(left, TURN))
                continue
            self._due = None
            try:
                await self._announce(wire)
                if self._due is None:
                    await say_again()
            except CinepiError as error:  # the next connection begins with an announcement
                _log.info("not announced", reason=str(error))

    async def withdraw(self, connection: Wire) -> int:
        """Take the device out of Home Assistant until `announce`; returns the number of topics.

        Raises:
            BrokerError: The connection was lost.
        """
        self._due = None
        self._is_withdrawn = True
        self._remember(self._memory.at("", self._info().serial))
        return await self._clear_former(connection)

    def _learn(self, learnt: memory.Memory) -> None:
        if learnt != self._memory:
            self._memory = learnt
            if self._said:
                self._want(self._clock.monotonic() + APART)

    def _want(self, at: MonotonicTime) -> None:
        if self._settings.enabled and not self._is_withdrawn:
            self._due = at if self._due is None else min(self._due, at)
            self._changed.set()

    async def _announce(self, wire: Wire) -> None:
        """Say it now, or a little later if something else was said only just now."""
        if not self._settings.enabled:
            await self.withdraw(wire)
            return
        info = self._info()
        topic = topics.discovery(self._settings.prefix, info.device)
        known = self._memory.at(topic, info.serial)
        known, document = known.announcing(build(known.facts(info)))
        payload = document.encoded()
        free_at = self._said_at + APART
        if payload != self._said and self._clock.monotonic() < free_at:
            self._want(free_at)
            return
        self._remember(known)
        await self._clear_former(wire)
        if self._is_withdrawn or not await self._publish(wire, topic, payload):
            return
        self._said, self._said_at = payload, self._clock.monotonic()
        if self._is_birth:
            self._is_birth = False
            self._remember(self._memory.seen())

    async def _clear_former(self, wire: Wire) -> int:
        """Take announcements away that lie where we do not announce any more."""
        former = self._memory.former
        cleared = [topic for topic in former if await self._publish(wire, topic, b"")]
        if cleared:
            self._remember(self._memory.without(cleared))
        return len(cleared)

    async def _publish(self, wire: Wire, topic: str, payload: bytes) -> bool:
        """Say it; False where the broker does not take it, which is no reason to be away.

        Raises:
            BrokerError: The connection was lost.
        """
        try:
            await wire.publish(Outgoing(topic=topic, payload=payload, retain=True))
        except BrokerError:
            raise
        except CinepiError as error:  # too large, or not allowed
            if self._refused != str(error):  # once, not at every connection
                self._refused = str(error)
                _log.warning("Home Assistant is not told", topic=topic, reason=self._refused)
            return False
        return True

    def _remember(self, known: memory.Memory) -> None:
        self._memory = known
        if known != self._kept:
            self._kept = known
            memory.save(self._path, known)
