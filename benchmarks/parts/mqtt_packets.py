"""The few MQTT 5 packets that a simulated device needs; no library keeps thousands of clients."""

from collections.abc import Iterator
from typing import NamedTuple

CONNACK, PUBLISH, PUBACK, SUBACK, PINGRESP, DISCONNECT = 2, 3, 4, 9, 13, 14


class Packet(NamedTuple):
    """What the broker sent: its type, its flags, and the rest."""

    kind: int
    flags: int
    body: bytes


class Message(NamedTuple):
    """A PUBLISH packet, taken apart."""

    topic: str
    payload: bytes
    qos: int
    mid: int


def split(buffer: bytearray) -> Iterator[Packet]:
    """Take all complete packets off the front of `buffer`."""
    start = 0
    while True:
        length, shift, at = 0, 0, start + 1
        while at < len(buffer):
            length |= (buffer[at] & 0x7F) << shift
            at += 1
            if not buffer[at - 1] & 0x80:
                break
            shift += 7
        else:
            break
        if len(buffer) < at + length:
            break
        yield Packet(buffer[start] >> 4, buffer[start] & 0x0F, bytes(buffer[at : at + length]))
        start = at + length
    del buffer[:start]


def message(packet: Packet) -> Message:
    """Read a PUBLISH packet."""
    body, qos = packet.body, packet.flags >> 1 & 3
    end = 2 + int.from_bytes(body[:2], "big")
    topic, mid = body[2:end].decode(), 0
    if qos:
        mid = int.from_bytes(body[end : end + 2], "big")
        end += 2
    length, size = _variable(body, end)
    return Message(topic, body[end + size + length :], qos, mid)


def connect(client_id: str, keepalive: int, will_topic: str, will: bytes) -> bytes:
    """CONNECT with a clean start and a retained will."""
    flags = 0x02 | 0x04 | 0x08 | 0x20  # clean start; will, at QoS 1, retained
    head = _text("MQTT") + bytes((5, flags)) + keepalive.to_bytes(2, "big") + b"\0"
    body = head + _text(client_id) + b"\0" + _text(will_topic) + _data(will)
    return _packet(0x10, body)


def subscribe(mid: int, filters: tuple[str, ...]) -> bytes:
    """SUBSCRIBE at QoS 1."""
    body = mid.to_bytes(2, "big") + b"\0" + b"".join(_text(each) + b"\1" for each in filters)
    return _packet(0x82, body)


def publish(topic: str, payload: bytes, *, mid: int = 0, retain: bool = False) -> bytes:
    """PUBLISH, at QoS 1 if there is a packet id."""
    first = 0x30 | (2 if mid else 0) | (1 if retain else 0)
    packet_id = mid.to_bytes(2, "big") if mid else b""
    return _packet(first, _text(topic) + packet_id + b"\0" + payload)


def puback(mid: int) -> bytes:
    """PUBACK."""
    return _packet(0x40, mid.to_bytes(2, "big"))


PING = b"\xc0\0"
GOODBYE = b"\xe0\0"


def _text(text: str) -> bytes:
    return _data(text.encode())


def _data(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data


def _packet(first: int, body: bytes) -> bytes:
    length, head = len(body), bytearray((first,))
    while True:
        length, digit = length >> 7, length & 0x7F
        head.append(digit | (0x80 if length else 0))
        if not length:
            return bytes(head) + body


def _variable(data: bytes, at: int) -> tuple[int, int]:
    value, shift, size = 0, 0, 0
    while True:
        value |= (data[at + size] & 0x7F) << shift
        size += 1
        if not data[at + size - 1] & 0x80:
            return value, size
        shift += 7
