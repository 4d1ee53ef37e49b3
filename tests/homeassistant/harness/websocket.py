"""As much of a WebSocket client as Home Assistant's API on this machine needs: RFC 6455, text."""

import base64
import os
import socket
import struct
from urllib.parse import urlsplit

_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10
_SHORT, _MEDIUM = 126, 127  # a length field that says: the length follows, in 2 or in 8 bytes


class WebSocket:
    """One connection; messages are whole texts."""

    def __init__(self, url: str, limit: float) -> None:
        """Connect to `ws://host:port/path`; no read takes longer than `limit` seconds."""
        parts = urlsplit(url)
        self._socket = socket.create_connection((parts.hostname, parts.port), limit)
        key = base64.b64encode(os.urandom(16)).decode()
        request = (
            f"GET {parts.path} HTTP/1.1",
            f"Host: {parts.netloc}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
        )
        self._socket.sendall("\r\n".join((*request, "", "")).encode())
        self._stream = self._socket.makefile("rb")
        status = self._stream.readline()
        while self._stream.readline().strip():
            pass
        if b" 101 " not in status:
            raise ConnectionError(f"no WebSocket at {url}: {status!r}")

    def send(self, text: str) -> None:
        """Send one message."""
        self._send(_TEXT, text.encode())

    def receive(self, limit: float) -> str:
        """The next message; raises TimeoutError after `limit` seconds, and is of no use then."""
        self._socket.settimeout(limit)
        whole = b""
        while True:
            first, second = self._read(2)
            length = second & 0x7F
            if length == _SHORT:
                (length,) = struct.unpack(">H", self._read(2))
            elif length == _MEDIUM:
                (length,) = struct.unpack(">Q", self._read(8))
            data = self._read(length)
            kind = first & 0x0F
            if kind == _CLOSE:
                raise ConnectionError("Home Assistant closed the WebSocket")
            if kind == _PING:
                self._send(_PONG, data)
            elif kind != _PONG:
                whole += data
                if first & 0x80:
                    return whole.decode()

    def close(self) -> None:
        """Hang up."""
        self._stream.close()
        self._socket.close()

    def _send(self, kind: int, data: bytes) -> None:
        mask = os.urandom(4)
        length = len(data)
        if length < _SHORT:
            head = bytes([0x80 | kind, 0x80 | length])
        elif length < 1 << 16:
            head = bytes([0x80 | kind, 0x80 | _SHORT]) + struct.pack(">H", length)
        else:
            head = bytes([0x80 | kind, 0x80 | _MEDIUM]) + struct.pack(">Q", length)
        masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(data))
        self._socket.sendall(head + mask + masked)

    def _read(self, count: int) -> bytes:
        data = self._stream.read(count)
        if len(data) < count:
            raise ConnectionError("the WebSocket ended")
        return data
