"""What a person at an MQTT dashboard has: states as they come, and commands with their answers."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

LIMIT_S = 20.0
BOOT_LIMIT_S = 60.0

Document = dict[str, Any]


class Dashboard:
    """One connection to a broker on this machine; follows everything that one device says."""

    def __init__(
        self,
        port: int,
        device: str = "box",
        login: tuple[str, str] | None = None,
        ca: Path | None = None,
    ) -> None:
        """Connect and subscribe, with TLS if there is a `ca`; states arrive a moment later.

        The broker keeps the session of a dashboard with a login while it restarts itself.
        """
        self._root = f"cinepi/{device}/"
        self._changed = threading.Condition()
        self._states: dict[str, Document] = {}
        self._said: list[tuple[str, Document]] = []
        self._numbers = 0
        self._name = uuid4().hex
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"dashboard-{self._name}",
            protocol=MQTTProtocolVersion.MQTTv5,
        )
        kept = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        if login:
            self._client.username_pw_set(*login)
            kept.SessionExpiryInterval = 600
        if ca:
            self._client.tls_set(ca_certs=str(ca))
        self._client.on_connect = lambda client, *_: client.subscribe(f"{self._root}#", qos=1)
        self._client.on_message = self._hear
        listens = threading.Event()
        self._client.on_subscribe = lambda *_: listens.set()
        self._client.connect("127.0.0.1", port, clean_start=False, properties=kept)
        self._client.loop_start()
        # A command that overtakes the subscription is answered to nobody.
        assert listens.wait(BOOT_LIMIT_S), f"nobody could subscribe within {BOOT_LIMIT_S:g} s"

    def close(self) -> None:
        """Leave."""
        self._client.disconnect()
        self._client.loop_stop()
        # It closes its sockets when nobody refers to it any more: neither may its own callbacks.
        self._client.on_connect = self._client.on_message = self._client.on_subscribe = None

    def __enter__(self) -> Self:
        """Use it in a `with` block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave."""
        self.close()

    def command(self, name: str, limit_s: float = LIMIT_S, **arguments: object) -> Document:
        """Send a command such as `session/start` and return the `data` of its answer."""
        answer = self.ask(name, limit_s, **arguments)
        assert answer["success"], answer
        data: Document = answer["data"]
        return data

    def ask(self, name: str, limit_s: float = LIMIT_S, **arguments: object) -> Document:
        """Send a command and return its final answer, good or bad."""
        self._numbers += 1
        number = f"{self._name}-{self._numbers}"
        payload = json.dumps({"id": number, **arguments})
        self._client.publish(f"{self._root}cmd/{name}", payload, qos=1)
        return self._wait(
            lambda: next(
                (
                    document
                    for topic, document in reversed(self._said)
                    if topic == f"response/{name}"
                    and document["id"] == number
                    and document["final"]
                ),
                None,
            ),
            limit_s,
            f"an answer to {name}",
        )

    def state(
        self, topic: str, limit_s: float = LIMIT_S, suits: Callable[[Document], bool] = bool
    ) -> Document:
        """The newest state of `topic`, once there is one that `suits`."""
        return self._wait(
            lambda: found if (found := self._states.get(topic)) and suits(found) else None,
            limit_s,
            f"{topic} as wanted; it is {self._states.get(topic)}",
        )

    def is_online(self, limit_s: float = LIMIT_S) -> Document:
        """Wait for the device to be there."""
        return self.state("status", limit_s, lambda status: bool(status["state"] == "online"))

    def has_frames(self, number: int, limit_s: float = 60) -> Document:
        """Wait until the session has so many frames."""
        return self.state("session", limit_s, lambda found: bool(found["frames"] >= number))

    def events(self, kind: str) -> list[Document]:
        """All events of a kind that arrived so far."""
        with self._changed:
            return [document for topic, document in self._said if topic == f"event/{kind}"]

    def _hear(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        topic = message.topic.removeprefix(self._root)
        if topic == "image" or topic.startswith("cmd/") or not message.payload:
            return
        document: Document = json.loads(message.payload)
        with self._changed:
            self._states[topic] = document
            self._said.append((topic, document))
            self._changed.notify_all()

    def _wait(self, look: Callable[[], Document | None], limit_s: float, what: str) -> Document:
        deadline = time.monotonic() + limit_s
        with self._changed:
            while (found := look()) is None:
                left = deadline - time.monotonic()
                assert left > 0, f"no {what} within {limit_s:g} s"
                self._changed.wait(left)
            return found
