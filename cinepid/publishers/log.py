"""Log messages over MQTT: the serious ones, at QoS 0, and never a flood."""

import asyncio

import msgspec

from cinepi.clock import Clock
from cinepi.logs.entry import SEVERITY, LogEntry
from cinepi.units import MonotonicTime, Seconds
from cinepid.errors import BrokerError
from cinepid.message import Outgoing
from cinepid.payloads import LogMessage
from cinepid.topics import Topics
from cinepid.uplink import Uplink

BURST = 20
"""So many messages may come at once."""
PERIOD: Seconds = 2.0
"""One more is allowed in this time."""


class LogPublisher:
    """Publishes what is logged; messages may come from any thread."""

    def __init__(self, topics: Topics, uplink: Uplink, level: str, clock: Clock) -> None:
        """Publish messages of `level` and above, on the running loop."""
        self._topics = topics
        self._uplink = uplink
        self._least = SEVERITY[level]
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._allowance = float(BURST)
        self._refilled: MonotonicTime = clock.monotonic()
        self._suppressed = 0

    def forward(self, entry: LogEntry) -> None:
        """Take a message; never blocks, never raises."""
        if SEVERITY.get(entry.level, 0) >= self._least and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._publish, entry)

    def _publish(self, entry: LogEntry) -> None:
        now = self._clock.monotonic()
        self._allowance = min(BURST, self._allowance + (now - self._refilled) / PERIOD)
        self._refilled = now
        if self._uplink.connection is None:
            return  # it is in the file
        if self._allowance < 1:
            self._suppressed += 1
            return
        self._allowance -= 1
        message = LogMessage(
            at=entry.timestamp,
            level=entry.level,
            module=entry.module,
            message=entry.message,
            fields=entry.fields,
            suppressed=self._suppressed,
        )
        self._suppressed = 0
        try:
            self._uplink.publish(
                Outgoing(
                    topic=self._topics.log(entry.level),
                    payload=msgspec.json.encode(message, enc_hook=str),
                    qos=0,
                )
            )
        except BrokerError:  # gone just now
            return
