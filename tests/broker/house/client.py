"""A small MQTT 5 client that says how each of its steps was answered."""

import ssl
import time
from collections.abc import Callable
from pathlib import Path
from queue import Empty, Queue
from typing import Any, Self, TypeVar

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

LIMIT_S = 10.0
T = TypeVar("T")


def wait_until(look: Callable[[], T], limit_s: float = LIMIT_S) -> T:
    """Look until there is something to see."""
    deadline = time.monotonic() + limit_s
    while not (seen := look()):
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.02)
    return seen


class MosquittoClient:
    """Connects to a broker on this machine."""

    def __init__(
        self, port: int, *, ca: Path | None = None, certificate: tuple[Path, Path] | None = None
    ) -> None:
        """Speak TLS where a `ca` is given, and show a certificate where one is."""
        self._port = port
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        if ca is not None:
            context = ssl.create_default_context(cafile=str(ca))
            if certificate is not None:
                context.load_cert_chain(*certificate)
            self._client.tls_set_context(context)
        self._answers: Queue[str] = Queue()
        self.messages: Queue[tuple[str, bytes]] = Queue()
        self._client.on_connect = lambda _c, _u, _f, reason, _p: self._answers.put(str(reason))
        self._client.on_publish = lambda _c, _u, _m, reason, _p: self._answers.put(str(reason))
        self._client.on_subscribe = self._subscribed
        self._client.on_message = lambda _c, _u, message: self.messages.put(
            (message.topic, bytes(message.payload))
        )

    def log_in(self, name: str, password: str) -> None:
        """Use a name and a password."""
        self._client.username_pw_set(name, password)

    def connect(self) -> str:
        """Connect; returns the broker's word for it, `refused` where TLS ended it before."""
        try:
            self._client.connect("localhost", self._port)
        except OSError as error:
            return f"refused: {error}"
        self._client.loop_start()
        try:
            return self._answers.get(timeout=3)
        except Empty:  # TLS 1.3 tells a client of a refused certificate after the handshake
            return "refused: no answer"

    def publish(self, topic: str, payload: str = "x", *, retain: bool = False) -> str:
        """Publish at QoS 1; returns the broker's word for it."""
        self._client.publish(topic, payload, qos=1, retain=retain)
        return self._answers.get(timeout=LIMIT_S)

    def subscribe(self, *topics: str) -> None:
        """Subscribe at QoS 1."""
        self._client.subscribe([(topic, 1) for topic in topics])
        assert self._answers.get(timeout=LIMIT_S) == "subscribed"

    def next(self) -> tuple[str, bytes]:
        """The next message."""
        return self.messages.get(timeout=LIMIT_S)

    def disconnect(self) -> None:
        """Leave."""
        self._client.disconnect()
        self._client.loop_stop()

    def __enter__(self) -> Self:
        """Use it in a `with` block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave."""
        self.disconnect()

    def _subscribed(self, _client: Any, _data: Any, _mid: Any, reasons: Any, _more: Any) -> None:
        refused = [str(reason) for reason in reasons if reason.is_failure]
        self._answers.put(" ".join(refused) or "subscribed")
