"""What goes over a connection to a broker, in plain words; no client library appears here."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from cinepi.errors import CinepiError
from cinepi.units import Bytes, MonotonicTime, Seconds
from cinepid.errors import BrokerError

Protocol = Literal["5.0", "3.1.1"]


@dataclass(frozen=True, slots=True)
class Server:
    """Where a broker listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker says about us when our connection has gone without goodbye.

    Attributes:
        topic: Where.
        payload: Raw.
        qos: A broker refuses a will with more than it can do.
        retain: The same.
    """

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """How to introduce ourselves.

    Attributes:
        client_id: Stable, so that the broker knows our session again.
        will: What the broker says when we have gone without goodbye.
        username: None to come without a name.
        password: Goes with the name.
        tls: None to talk in the clear.
        is_lasting: Whether the broker keeps a session for us.
        max_incoming: Longer messages are not even sent to us (MQTT 5).
        window: So many messages may be sent to us before we have acknowledged one (MQTT 5).
    """

    client_id: str
    will: Will | None = None
    username: str | None = None
    password: str | None = None
    tls: ssl.SSLContext | None = None
    is_lasting: bool = True
    max_incoming: Bytes = 2 * 1024 * 1024  # what is too large for a command is still answered
    window: int = 100  # commands in progress; the dispatcher answers `busy` before


@dataclass(frozen=True, slots=True)
class Filter:
    """A subscription.

    Attributes:
        topic: May have wildcards.
        with_retained: Whether stored messages are wanted too; before MQTT 5 they always come.
        qos: 0 where a later message makes up for a lost one.
        as_published: Whether a live message keeps its retain flag (MQTT 5); without, the flag tells
            stored messages from live ones.
    """

    topic: str
    with_retained: bool = True
    qos: int = 1
    as_published: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a broker told about itself when it accepted us.

    Attributes:
        max_packet: Longest packet it takes.
        window: How many messages it lets us have unacknowledged.
        max_qos: Highest quality of service, 0 or 1 (we ask for no more).
        has_retain: Whether it stores retained messages.
    """

    max_packet: Bytes = 268_435_455
    window: int = 1000
    max_qos: int = 1
    has_retain: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A message for the broker.

    Attributes:
        topic: Without wildcards.
        payload: Raw.
        qos: 0 or 1.
        retain: Whether the broker is to store it.
        correlation: What the receiver gave us to send along (MQTT 5).
    """

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False
    correlation: bytes | None = None

    @property
    def size(self) -> Bytes:
        """At most so long is its packet, with header, packet id and our properties."""
        return len(self.topic.encode()) + len(self.payload) + len(self.correlation or b"") + 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A message from the broker.

    Attributes:
        topic: Never has wildcards.
        payload: Raw.
        qos: As delivered.
        retain: Whether it is, or was published as, a retained message.
        dup: Whether the broker has tried to deliver it before.
        mid: Packet id within the session; 0 at QoS 0.
        response_topic: Where its sender wants the answer (MQTT 5).
        correlation: What its sender wants to see again with the answer (MQTT 5).
        expires_at: When the broker would have dropped it (MQTT 5).
        longest_age_s: How old it can be at most; 0 for a live message, None if nobody knows.
        acknowledge: Tells the broker that it need not deliver the message again.
    """

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    dup: bool = False
    mid: int = 0
    response_topic: str | None = None
    correlation: bytes | None = None
    expires_at: MonotonicTime | None = None
    longest_age_s: Seconds | None = 0.0
    acknowledge: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True)
class Accepted:
    """The broker has let us in; `has_session` if it remembers our last connection."""

    limits: Limits
    has_session: bool


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The broker has dealt with the request of this packet id: well, or as `error` says."""

    mid: int
    error: CinepiError | None


@dataclass(frozen=True, slots=True)
class Ended:
    """There is no connection any more."""

    error: BrokerError


News = Accepted | Acknowledged | Ended | Incoming
"""All that a connection can bring."""
