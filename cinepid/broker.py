"""The MQTT client library on the asyncio loop; the only file that knows paho.

A paho client object serves one connection and is thrown away with it: its queue would deliver late
what has been given up, and its own reconnecting would repeat what has been sent. Its callbacks only
take notes; what follows from them happens when paho has returned and holds no lock.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from cinepi.errors import PermissionDeniedError
from cinepi.logs.lazy import logger
from cinepi.units import MonotonicTime, Seconds
from cinepid.acknowledgement import Acknowledgements
from cinepid.errors import (
    BrokerError,
    ConnectionLostError,
    ProtocolRefusedError,
    RefusedError,
    TakenOverError,
)
from cinepid.message import (
    Accepted,
    Acknowledged,
    Ended,
    Filter,
    Hello,
    Incoming,
    Limits,
    News,
    Outgoing,
    Protocol,
    Server,
)

CONNECT_LIMIT: Seconds = 10.0
"""For name, TCP and TLS together, and once more for the broker's answer."""
KEEPALIVE: Seconds = 30
SESSION_EXPIRY: Seconds = 300
"""How long the broker keeps commands for us while we are away (MQTT 5)."""
WILL_DELAY: Seconds = 20
"""How long we may be away before the broker says so (MQTT 5)."""
ACK_LIMIT: Seconds = 20.0
"""A broker that has not acknowledged anything for so long is not there any more."""

_TAKEN_OVER = 0x8E
_UNSUPPORTED_PROTOCOL = 0x84
_UNSPECIFIED = _FAILURE = 0x80

_log = logger("broker")


class Wire:
    """One paho client and its socket.

    Attributes:
        heard_at: When the broker last sent anything.
    """

    def __init__(
        self,
        hello: Hello,
        protocol: Protocol,
        tell: Callable[[News], None],
        oldest: Callable[[int, bool], Seconds | None],
    ) -> None:
        """Prepare to `connect`.

        Args:
            hello: How to introduce ourselves.
            protocol: MQTT version.
            tell: Hears of everything, in order, on the loop.
            oldest: How old a message that arrives now can be; takes its QoS and duplicate flag.
        """
        self._loop = asyncio.get_running_loop()
        self._tell = tell
        self._oldest = oldest
        self._news: list[News | paho.MQTTMessage] = []
        self._is_v5 = protocol == "5.0"
        self._is_lasting = hello.is_lasting
        self._max_incoming = hello.max_incoming
        self._window = hello.window
        self._has_writer = False
        self._is_closed = False
        self._acknowledgements = Acknowledgements()
        self.heard_at: MonotonicTime = self._loop.time()
        self._client = self._make_client(hello)

    def connect(self, server: Server) -> None:
        """Find the broker and send our greeting; blocks, for use in a thread.

        Raises:
            OSError: It cannot be reached, or TLS fails.
            ValueError: Its name cannot be one.
        """
        if self._is_v5:
            properties = _properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = int(SESSION_EXPIRY) if self._is_lasting else 0
            properties.ReceiveMaximum = self._window
            properties.MaximumPacketSize = self._max_incoming
            self._client.connect(
                server.host,
                server.port,
                int(KEEPALIVE),
                clean_start=not self._is_lasting,
                properties=properties,
            )
        else:
            self._client.connect(server.host, server.port, int(KEEPALIVE))

    def listen(self) -> None:
        """Put the socket on the loop, once `connect` has returned."""
        sock = self._client.socket()
        if sock is None:
            self._tell(Ended(ConnectionLostError("the broker closed the connection at once")))
        else:
            self._loop.add_reader(sock.fileno(), self._on_readable)

    def publish(self, message: Outgoing) -> int:
        """Send, and return the packet id that `Acknowledged` will have (at QoS 1).

        Raises:
            ConnectionLostError: It could not even be given to the socket.
        """
        properties = None
        if message.correlation is not None and self._is_v5:
            properties = _properties(PacketTypes.PUBLISH)
            properties.CorrelationData = message.correlation
        sent = self._client.publish(
            message.topic, message.payload, message.qos, message.retain, properties
        )
        if sent.rc != paho.MQTT_ERR_SUCCESS:
            raise ConnectionLostError(f"sending failed: {paho.error_string(sent.rc)}")
        self._flush()
        return sent.mid

    def subscribe(self, filters: Sequence[Filter]) -> int:
        """Ask for messages.

        Raises:
            ConnectionLostError: It could not even be given to the socket.
        """
        request: Any = [(each.topic, each.qos) for each in filters]
        if self._is_v5:
            request = [(each.topic, _options(each)) for each in filters]
        code, mid = self._client.subscribe(request)
        if code != paho.MQTT_ERR_SUCCESS or mid is None:
            raise ConnectionLostError(f"subscribing failed: {paho.error_string(code)}")
        self._flush()
        return mid

    def tick(self) -> None:
        """Keep the connection alive, and notice a silent one; to be called every few seconds."""
        self._client.loop_misc()
        self._flush()
        self._drain()

    def say_goodbye(self) -> None:
        """Tell the broker that we leave on purpose, so that it keeps the will to itself."""
        self._client.disconnect()

    def close(self) -> None:
        """Take the socket off the loop and close it; nothing is told after that.

        A `connect` that still waits for the broker's name will not greet it any more: it would
        throw out the connection that has been made since.
        """
        self._is_closed = True
        self._client.on_socket_close = None
        if (sock := self._client.socket()) is not None:
            self._leave_loop(sock)
            with suppress(OSError):
                sock.close()
        self._news.clear()

    def _on_readable(self) -> None:
        self.heard_at = self._loop.time()
        try:
            self._client.loop_read()
            # What TLS has decrypted already does not make the socket readable again.
            while isinstance(sock := self._client.socket(), ssl.SSLSocket) and sock.pending():
                self._client.loop_read()
        except Exception as error:  # noqa: BLE001 - paho stumbles over some malformed packets
            _log.exception("reading from the broker failed")
            self._news.append(Ended(ConnectionLostError(f"unreadable packet: {error}")))
        self._flush()
        self._drain()

    def _on_writable(self) -> None:
        if (sock := self._client.socket()) is not None:
            self._loop.remove_writer(sock.fileno())
        self._has_writer = False
        self._flush()
        self._drain()

    def _flush(self) -> None:
        """Write what paho has kept back: now if the socket takes it, else when it does."""
        if self._has_writer or not self._client.want_write():
            return
        self._client.loop_write()
        sock = self._client.socket()
        if sock is not None and self._client.want_write():
            self._has_writer = True
            self._loop.add_writer(sock.fileno(), self._on_writable)

    def _drain(self) -> None:
        news, self._news = self._news, []
        for each in news:
            if not isinstance(each, paho.MQTTMessage):
                self._tell(each)
                continue
            if each.qos:
                self._acknowledgements.receive(each.mid)
            try:
                message = self._incoming(each)
            except UnicodeDecodeError:  # no topic of ours, and no broker should let it pass
                self._acknowledge(each.mid)
            else:
                self._tell(message)

    def _acknowledge(self, mid: int) -> None:
        if self._client.is_connected():
            for each in self._acknowledgements.finish(mid):
                self._client.ack(each, 1)
            self._flush()

    def _incoming(self, message: paho.MQTTMessage) -> Incoming:
        expiry = getattr(message.properties, "MessageExpiryInterval", None)
        mid, is_acknowledged = message.mid, message.qos > 0
        return Incoming(
            topic=message.topic,
            payload=bytes(message.payload),
            qos=message.qos,
            retain=message.retain,
            dup=message.dup,
            mid=mid,
            response_topic=getattr(message.properties, "ResponseTopic", None),
            correlation=getattr(message.properties, "CorrelationData", None),
            expires_at=None if expiry is None else self._loop.time() + expiry,
            longest_age_s=self._oldest(message.qos, message.dup),
            acknowledge=partial(self._acknowledge, mid) if is_acknowledged else _nothing,
        )

    def _leave_loop(self, sock: Any) -> None:
        self._loop.remove_reader(sock.fileno())
        self._loop.remove_writer(sock.fileno())
        self._has_writer = False

    # ------------------------------------------------------------------------- called by paho

    def _make_client(self, hello: Hello) -> paho.Client:
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=hello.client_id,
            clean_session=None if self._is_v5 else not hello.is_lasting,
            protocol=paho.MQTTv5 if self._is_v5 else paho.MQTTv311,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.connect_timeout = CONNECT_LIMIT / 2  # a name may have two addresses
        client.max_inflight_messages = 0  # the window is ours to keep
        client.on_socket_open = self._on_socket_open
        client.on_socket_close = lambda _client, _data, sock: self._leave_loop(sock)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_publish = self._on_publish
        client.on_message = lambda _client, _data, message: self._news.append(message)
        if hello.username is not None:
            client.username_pw_set(hello.username, hello.password)
        if hello.tls is not None:
            client.tls_set_context(hello.tls)
        if hello.will is not None:
            properties = None
            if self._is_v5:
                properties = _properties(PacketTypes.WILLMESSAGE)
                properties.WillDelayInterval = int(WILL_DELAY)
            will = hello.will
            client.will_set(will.topic, will.payload, will.qos, will.retain, properties)
        return client

    def _on_socket_open(self, _client: paho.Client, _data: object, sock: Any) -> None:
        """Send at once (a factor of 200 in round trip), and notice a peer that has gone."""
        if self._is_closed:
            sock.close()
            raise ConnectionAbortedError("the attempt to connect was given up")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(ACK_LIMIT * 1000))

    def _on_connect(
        self,
        _client: paho.Client,
        _data: object,
        flags: paho.ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            self._news.append(Ended(_refusal(reason)))
            return
        limits = Limits(
            max_packet=getattr(properties, "MaximumPacketSize", Limits().max_packet),
            window=min(getattr(properties, "ReceiveMaximum", 65535), Limits().window),
            max_qos=min(getattr(properties, "MaximumQoS", 1), 1),
            has_retain=bool(getattr(properties, "RetainAvailable", 1)),
        )
        self._news.append(Accepted(limits, flags.session_present))

    def _on_disconnect(
        self,
        _client: paho.Client,
        _data: object,
        flags: paho.DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        why = "" if reason.value == _UNSPECIFIED else f": {reason}"
        error: BrokerError = ConnectionLostError(f"the connection broke{why}")
        if flags.is_disconnect_packet_from_server:
            error = ConnectionLostError(f"the broker closed the connection: {reason}")
            if reason.value == _TAKEN_OVER:
                error = TakenOverError("another client has connected with our client id")
        self._news.append(Ended(error))
        self._loop.call_soon(self._drain)  # a failed write has no one else who would look

    def _on_subscribe(
        self,
        _client: paho.Client,
        _data: object,
        mid: int,
        reasons: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        refused = next((reason for reason in reasons if reason.value >= _FAILURE), None)
        error = None
        if refused is not None:
            error = RefusedError(f"the broker refused a subscription: {refused}", refused.value)
        self._news.append(Acknowledged(mid, error))

    def _on_publish(
        self,
        _client: paho.Client,
        _data: object,
        mid: int,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        error = None
        if reason.is_failure:
            error = PermissionDeniedError(f"the broker refused a message: {reason}")
        self._news.append(Acknowledged(mid, error))


def _nothing() -> None:
    """A message of QoS 0 needs no acknowledgement."""


def _properties(packet: int) -> Properties:
    return Properties(packet)  # type: ignore[no-untyped-call]


def _options(wanted: Filter) -> SubscribeOptions:
    """Retain as published: a retained command is seen as such even while we are connected."""
    handling = (
        SubscribeOptions.RETAIN_SEND_ON_SUBSCRIBE
        if wanted.with_retained
        else SubscribeOptions.RETAIN_DO_NOT_SEND
    )
    return SubscribeOptions(
        qos=wanted.qos, retainAsPublished=wanted.as_published, retainHandling=handling
    )


def _refusal(reason: ReasonCode) -> RefusedError:
    if reason.value == _UNSUPPORTED_PROTOCOL:
        return ProtocolRefusedError("the broker does not speak this version of MQTT", reason.value)
    return RefusedError(f"the broker refused the connection: {reason}", reason.value)
