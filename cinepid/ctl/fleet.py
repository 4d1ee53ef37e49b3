"""What is known of all devices: the newest documents, in whatever order brokers send them."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, TypeVar

import msgspec

from cinepi.errors import InvalidArgumentError
from cinepi.units import MonotonicTime, Seconds, WallTime
from cinepid import topics
from cinepid.ctl.documents import KINDS, Capture, Health, Info, Session, Status, View
from cinepid.decode import decoded

MAX_DEVICES = 50_000
"""So many names are remembered; a stranger may invent more."""

ViewT = TypeVar("ViewT", bound=View)

_DECODERS = {channel: msgspec.json.Decoder(kind) for channel, kind in KINDS.items()}


@dataclass(slots=True)
class Device:
    """One device, as far as the broker has told.

    Attributes:
        id: Its name in topics.
        documents: The newest of each channel.
        clock_ahead_s: How far its clock is ahead of ours, from its last live message; None before.
        boots: Runs that were heard being online while we listened, in their order.
        unreadable: Channels whose document makes no sense.
        last_event: The newest `seq` heard, for gaps; None before.
        events_missed: Events that did not reach us.
        heard_at: When it last said something itself, monotonic; None before.
    """

    id: str
    documents: dict[str, View] = field(default_factory=dict)
    clock_ahead_s: Seconds | None = None
    boots: list[str] = field(default_factory=list)
    unreadable: set[str] = field(default_factory=set)
    last_event: int | None = None
    events_missed: int = 0
    heard_at: MonotonicTime | None = None

    @property
    def status(self) -> Status | None:
        """Whether it is there; None if it never said."""
        return self._document("status", Status)

    @property
    def info(self) -> Info:
        """What it is."""
        return self._document("info", Info) or Info()

    @property
    def session(self) -> Session | None:
        """What it does."""
        return self._document("session", Session)

    @property
    def health(self) -> Health | None:
        """How it is."""
        return self._document("health", Health)

    @property
    def capture(self) -> Capture | None:
        """Its last picture."""
        return self._document("capture", Capture)

    @property
    def is_online(self) -> bool:
        """Whether it says so."""
        return self.status is not None and self.status.state == "online"

    @property
    def version(self) -> str:
        """Of its software; empty if nobody knows."""
        return (self.status.version if self.status else "") or self.info.version

    def _document(self, channel: str, kind: type[ViewT]) -> ViewT | None:
        found = self.documents.get(channel)
        return found if isinstance(found, kind) else None


class Fleet:
    """All devices by name.

    Attributes:
        devices: By their id.
        strange: Messages below our prefix that no device of ours could have sent.
    """

    def __init__(self) -> None:
        """Know of nobody."""
        self.devices: dict[str, Device] = {}
        self.strange = 0

    def hear(
        self, topic: str, payload: bytes, *, is_live: bool, wall: WallTime, now: MonotonicTime
    ) -> Device | None:
        """Take a message; returns the device that is known better now, if one is.

        Args:
            topic: Where it came.
            payload: Raw.
            is_live: Whether it has just been sent, and was not stored.
            wall: The time here.
            now: The same on the monotonic clock.
        """
        try:
            address = topics.parse(topic)
        except InvalidArgumentError:
            self.strange += 1
            return None
        channel = "/".join((address.channel, *address.path))
        if address.device is None:
            return None
        if channel in _DECODERS:
            moment = _Moment(is_live, wall, now)
            return self._hear_document(address.device, channel, payload, moment)
        if address.channel == "event" and is_live:
            return self._hear_event(address.device, payload, now)
        return None

    def device(self, device_id: str) -> Device | None:
        """The device of this name, a new one if there is room for it."""
        known = self.devices.get(device_id)
        if known is None and len(self.devices) < MAX_DEVICES:
            known = self.devices[device_id] = Device(device_id)
        return known

    def _hear_document(
        self,
        device_id: str,
        channel: str,
        payload: bytes,
        moment: "_Moment",
    ) -> Device | None:
        if not payload:  # cleared
            known = self.devices.get(device_id)
            if known is not None:
                known.documents.pop(channel, None)
                if channel == "status":
                    del self.devices[device_id]
            return known
        device = self.device(device_id)
        if device is None:
            return None
        document = decoded(_DECODERS[channel], payload)
        if document is None:
            device.unreadable.add(channel)
            return device
        device.unreadable.discard(channel)
        before = device.documents.get(channel)
        if not _is_newer(document, before, is_live=moment.is_live):
            return None
        device.documents[channel] = document
        if moment.is_live:
            is_news = before is not None and before.boot == document.boot
            is_news = is_news and document.seq > (before.seq if before else 0)
            _note_live(device, document, moment, is_news=is_news)
        return device

    def _hear_event(self, device_id: str, payload: bytes, now: MonotonicTime) -> Device | None:
        device = self.devices.get(device_id)
        event = decoded_event(payload)
        if device is None or event is None:
            return None
        device.heard_at = now
        if device.last_event is not None and event.seq > device.last_event + 1:
            device.events_missed += event.seq - device.last_event - 1
        device.last_event = max(device.last_event or 0, event.seq)
        return device


class _Moment(NamedTuple):
    """When and how a message came."""

    is_live: bool
    wall: WallTime
    now: MonotonicTime


class Event(msgspec.Struct, frozen=True):
    """What all events have."""

    seq: int
    at: str = ""
    type: str = ""
    replay: bool = False


_EVENT = msgspec.json.Decoder(Event)


def decoded_event(payload: bytes) -> Event | None:
    """The envelope of an event; None if it is none."""
    return decoded(_EVENT, payload)


def time_of(text: str | None) -> WallTime | None:
    """Seconds since 1970 of a device's RFC 3339 time; None where it says none."""
    try:
        return datetime.fromisoformat(text).timestamp() if text else None
    except (ValueError, OverflowError, OSError):
        return None


def _note_live(device: Device, document: View, moment: _Moment, *, is_news: bool) -> None:
    """What only a message that has just been sent can tell; its time, only if it is no repeat."""
    if isinstance(document, Status):
        if document.state == "online" and document.boot not in device.boots[-1:]:
            device.boots = [*device.boots[-9:], document.boot]
        return
    device.heard_at = moment.now
    at = time_of(document.at)
    if isinstance(document, Health) and at is not None and is_news:
        device.clock_ahead_s = at - moment.wall


def _is_newer(new: View, old: View | None, *, is_live: bool) -> bool:
    """Whether `new` is to take the place of `old`: brokers of a cluster keep old ones too."""
    if old is None:
        return True
    if new.boot == old.boot:
        return new.seq >= old.seq
    return is_live or new.at >= old.at
