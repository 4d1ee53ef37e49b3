"""Events of the journal, in order, at least once: a cursor that follows the acknowledgements."""

import asyncio
from collections import deque

import msgspec

from cinepi.clock import Clock, parse_time, rfc3339
from cinepi.errors import CinepiError
from cinepi.logs.seldom import Seldom
from cinepi.logs.setup import logger
from cinepi.model.events import JournalEntry
from cinepi.protocol import EventsFollowParams, EventsReadResult, WatchResult
from cinepi.units import Seconds
from cinepid.camera_service import CameraService
from cinepid.connection import Connection
from cinepid.errors import BrokerError
from cinepid.memory import Memory
from cinepid.message import Outgoing
from cinepid.payloads import EventMessage, Gap, event_payload
from cinepid.pulse import Pulse
from cinepid.topics import Topics
from cinepid.uplink import Uplink

WINDOW = 20
"""Events that the broker may have left unacknowledged, or half of what it allows in all."""
REPLAY_RATE = 50.0
"""Events of a backlog in a second, so that commands and live state come through at once, and
readers keep up: a broker keeps 1000 messages for each (mosquitto), and drops what is beyond."""
REPLAY_AGE: Seconds = 10.0
"""What happened longer ago, before this connection, is a replay."""
BATCH = 100
READER = "mqtt"
"""Our name in the journal, which knows by it how far the broker has its events."""

_log = logger("events")


class Events:
    """Publishes what the journal has after the cursor."""

    def __init__(
        self,
        topics: Topics,
        service: CameraService,
        uplink: Uplink,
        memory: Memory,
        clock: Clock,
    ) -> None:
        """Be ready to `run`."""
        self._topics = topics
        self._service = service
        self._uplink = uplink
        self._memory = memory
        self._clock = clock
        self._journal = ""
        self._last_seq = 0
        self._backlog_until = 0
        self._seldom = Seldom(clock)
        self._wake = asyncio.Event()
        self._under_way: deque[tuple[int, asyncio.Future[None]]] = deque()

    def on_up(self, state: WatchResult) -> None:
        """See `Listener.on_up`; a service that starts after us has a backlog too."""
        if self._memory.meet_journal(state.journal):
            _log.warning("the journal is a new one", last=state.last_seq)
        self._backlog_until = max(self._backlog_until, state.last_seq)
        self.on_journal(state.last_seq)

    def on_down(self, reason: str) -> None:
        """See `Listener.on_down`."""

    def on_state(self, topic: str, document: bytes) -> None:
        """See `Listener.on_state`."""

    def on_journal(self, last_seq: int) -> None:
        """See `Listener.on_journal`."""
        self._last_seq = last_seq
        self._wake.set()

    def begin(self) -> None:
        """A connection begins: all that is in the journal now has waited for it."""
        self._backlog_until = self._last_seq
        self._wake.set()

    async def run(self, pulse: Pulse) -> None:
        """Publish events as they come, until cancelled."""
        while True:
            await pulse.rest("events", self._wake)
            self._wake.clear()
            connection = self._uplink.connection
            if connection is None or not self._uplink.online.is_set() or not self._service.is_up:
                continue
            try:
                await self._drain(connection, pulse)
            except CinepiError as error:
                _log.info("events have to wait", reason=str(error))
            finally:
                self._under_way.clear()

    async def _drain(self, connection: Connection, pulse: Pulse) -> None:
        """Publish all there is; what is not acknowledged when it fails is published again."""
        position, self._journal = self._memory.cursor, self._memory.content.journal
        while True:
            pulse.beat("events")
            params = EventsFollowParams(
                after=position, limit=BATCH, reader=READER, done=self._memory.cursor
            )
            found = await self._service.call("events.read", EventsReadResult, params)
            if self._is_another_journal():
                return  # `on_up` has set the alarm to begin again
            if found.last < position:
                _log.warning("the journal is a new one", cursor=position, last=found.last)
                position = 0
                self._under_way.clear()  # of the old one: they must not move the cursor
                self._memory.begin_anew()
                continue
            if found.lost:
                position = await self._report_gap(connection, position, found)
            for entry in found.events:
                pulse.beat("events")
                if self._is_replay(entry):
                    await asyncio.sleep(1 / REPLAY_RATE)
                await self._publish(connection, entry.seq, self._message(entry))
                position = entry.seq
            if position >= found.last:  # so that the next question says how far all of it is
                await self._settle(0)
            if not found.events:
                return

    async def _report_gap(
        self, connection: Connection, position: int, found: EventsReadResult
    ) -> int:
        """Say which events were dropped before they could be told; returns the last of them."""
        last = found.events[0].seq - 1 if found.events else found.last
        self._memory.add_gap(position, last, found.lost)
        gap = msgspec.json.encode(Gap(from_seq=position + 1, to_seq=last, count=found.lost))
        envelope = EventMessage(
            seq=last,
            boot=found.events[0].boot if found.events else "",
            at=found.events[0].at if found.events else rfc3339(self._clock.wall()),
            event_type="gap",
            replay=True,
        )
        message = Outgoing(topic=self._topics.event("gap"), payload=event_payload(envelope, gap))
        await self._publish(connection, last, message)
        return last

    def _message(self, entry: JournalEntry) -> Outgoing:
        envelope = EventMessage(
            seq=entry.seq,
            boot=entry.boot,
            at=entry.at,
            event_type=entry.type,
            replay=self._is_replay(entry),
        )
        payload = event_payload(envelope, bytes(entry.data))
        return Outgoing(topic=self._topics.event(entry.type), payload=payload)

    def _is_replay(self, entry: JournalEntry) -> bool:
        if entry.seq > self._backlog_until:
            return False
        return abs(self._clock.wall() - parse_time(entry.at, "/at")) > REPLAY_AGE

    async def _publish(self, connection: Connection, seq: int, message: Outgoing) -> None:
        await self._settle(max(1, min(WINDOW, connection.limits.window // 2)) - 1)
        self._under_way.append((seq, connection.publish(message)))

    async def _settle(self, at_most: int) -> None:
        """Wait until no more than `at_most` are under way, and move the cursor."""
        while self._under_way:
            seq, done = self._under_way[0]
            if len(self._under_way) <= at_most and not done.done():
                return
            try:
                await done
            except BrokerError:
                raise
            except CinepiError as error:  # too large, or not allowed: nothing that time mends
                is_due = self._seldom.is_due(error.code)
                self._memory.add_lost(1, is_urgent=is_due)
                if is_due:
                    _log.error("an event was not delivered", seq=seq, reason=str(error))
            self._under_way.popleft()
            if not self._is_another_journal():
                self._memory.remember(cursor=seq)

    def _is_another_journal(self) -> bool:
        """Whether the one that is being published has been replaced meanwhile."""
        return self._memory.content.journal != self._journal
