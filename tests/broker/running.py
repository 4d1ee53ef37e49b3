"""Broker, daemon and operator as a user has them: processes and a client that only knows MQTT."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from cinepi.clock import CLOCK_VARIABLE
from cinepi.paths import ROOT_VARIABLE, Layout
from tests.broker.contract import SEEN
from tests.machine import free_port

LIMIT = 20.0
"""Seconds that anything may take on a loaded machine before a test fails."""
DEVICE = "garden"

ValueT = TypeVar("ValueT")


def wait_for(what: Callable[[], ValueT | Literal[False] | None], *, limit: float = LIMIT) -> ValueT:
    """Ask until the answer is true, and return it."""
    deadline = time.monotonic() + limit
    while not (value := what()):
        assert time.monotonic() < deadline, f"waited for {limit} s in vain"
        time.sleep(0.01)  # the poll of a deadline, not a guess at a duration
    return value


def listens(port: int) -> bool:
    """Whether somebody does on this port."""
    with suppress(OSError):
        socket.create_connection(("127.0.0.1", port)).close()
        return True
    return False


class RunningBroker:
    """A real mosquitto on a port of its own."""

    def __init__(self, folder: Path, *lines: str) -> None:
        """Prepare it with extra lines of configuration; `start` does the rest."""
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self._folder = folder
        self._lines = lines
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *lines: str) -> None:
        """Start it, with still more lines."""
        configuration = self._folder / "mosquitto.conf"
        common = (
            f"listener {self.port} 127.0.0.1",
            "set_tcp_nodelay true",
            "persistence true",
            f"persistence_location {self._folder}/",
            "user root",
            "log_type error",
        )
        is_open = not any("password_file" in line for line in self._lines)
        access = ("allow_anonymous true",) if is_open else ()
        configuration.write_text("\n".join((*common, *access, *self._lines, *lines, "")))
        program = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")
        assert program, "mosquitto is not installed"
        self._process = subprocess.Popen([program, "-c", str(configuration)])
        wait_for(lambda: listens(self.port))

    def stop(self, *, forget: bool = False) -> None:
        """Stop it; with `forget`, what it has stored is gone as well."""
        self._end(signal.SIGTERM)
        if forget:
            (self._folder / "mosquitto.db").unlink(missing_ok=True)

    def freeze(self) -> None:
        """Let it hold all connections and do nothing."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self._process
        self._process.send_signal(signal.SIGCONT)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(number)
            self._process.wait(LIMIT)
            self._process = None


@dataclass(frozen=True)
class Heard:
    """A message as a subscriber sees it."""

    topic: str
    payload: bytes
    retain: bool
    qos: int
    correlation: bytes | None

    @property
    def json(self) -> Any:
        """Its content."""
        return json.loads(self.payload)


class Operator:
    """Somebody with an MQTT client: hears everything of all devices, and sends commands."""

    def __init__(self, port: int, *, version: int = 5, client_id: str = "") -> None:
        """Connect, and subscribe to everything, also what comes while the broker restarts."""
        client_id = client_id or f"operator-{os.urandom(4).hex()}"
        self.heard: list[Heard] = []
        protocol = paho.MQTTv5 if version == 5 else paho.MQTTv311
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id, protocol=protocol)
        self._client.on_message = self._hear
        self._client.on_connect = self._subscribe
        self._subscribed = threading.Event()
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.reconnect_delay_set(max_delay=1)
        lasting = _properties(PacketTypes.CONNECT)
        lasting.SessionExpiryInterval = 600
        if version == 5:
            self._client.connect("127.0.0.1", port, clean_start=False, properties=lasting)
        else:
            self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self._subscribed.wait(LIMIT)
        self._count = 0

    def close(self) -> None:
        """Leave."""
        self._client.disconnect()
        self._client.loop_stop()

    def send(
        self,
        command: str,
        payload: object = None,
        *,
        to: str = DEVICE,
        retain: bool = False,
        response_topic: str | None = None,
        correlation: bytes | None = None,
        expiry: int | None = None,
        qos: int = 1,
    ) -> None:
        """Send a command: an object as JSON, text and bytes as they are, nothing for None."""
        properties = None
        if response_topic or correlation or expiry is not None:
            properties = _properties(PacketTypes.PUBLISH)
            if response_topic:
                properties.ResponseTopic = response_topic
            if correlation:
                properties.CorrelationData = correlation
            if expiry is not None:
                properties.MessageExpiryInterval = expiry
        if isinstance(payload, Mapping):
            payload = json.dumps(payload)
        self.publish(
            f"cinepi/{to}/cmd/{command}", payload, retain=retain, properties=properties, qos=qos
        )

    def publish(
        self,
        topic: str,
        payload: Any,
        *,
        retain: bool = False,
        properties: Properties | None = None,
        qos: int = 1,
    ) -> None:
        """Publish, and wait until the broker has it."""
        sent = self._client.publish(topic, payload, qos, retain, properties)
        sent.wait_for_publish(LIMIT)

    def ask(self, command: str, /, **arguments: object) -> dict[str, Any]:
        """Send a command with an id, and return its final answer."""
        self._count += 1
        arguments.setdefault("id", f"ask-{self._count}")
        self.send(command, arguments)
        return self.answer(command, id=arguments["id"])

    def answer(self, command: str, **values: object) -> dict[str, Any]:
        """Wait for the first final answer to a command that has these values."""

        def fits(message: Heard) -> bool:
            return message.json["final"] and _has(message.json, values)

        found: dict[str, Any] = self.wait(f"response/{command}", fits).json
        return found

    def answers(self, command: str, **values: object) -> list[dict[str, Any]]:
        """All final answers to a command so far that have these values."""
        topic = f"cinepi/{DEVICE}/response/{command}"
        found = [message.json for message in list(self.heard) if message.topic == topic]
        return [answer for answer in found if answer["final"] and _has(answer, values)]

    def wait(
        self, channel: str, fits: Callable[[Heard], bool] = lambda _: True, *, device: str = DEVICE
    ) -> Heard:
        """Wait for a message on a topic of the device, heard before or yet to come."""
        topic = f"cinepi/{device}/{channel}"

        def found() -> Heard | None:
            hits = (m for m in list(self.heard) if m.topic == topic and m.payload and fits(m))
            return next(hits, None)

        return wait_for(found)

    def document(self, channel: str, **values: object) -> dict[str, Any]:
        """Wait until the newest document of a topic has these values, and return it."""

        def newest() -> dict[str, Any] | None:
            document = self.newest(channel)
            return document if document and _has(document, values) else None

        return wait_for(newest)

    def newest(self, channel: str) -> dict[str, Any] | None:
        """The last document heard on a topic, None if there is none."""
        topic = f"cinepi/{DEVICE}/{channel}"
        for message in reversed(self.heard):
            if message.topic == topic:
                document: dict[str, Any] | None = message.json if message.payload else None
                return document
        return None

    def events(self, kind: str | None = None) -> list[dict[str, Any]]:
        """All events heard so far, or those of one type, in the order in which they came."""
        prefix = f"cinepi/{DEVICE}/event/"
        found = [message.json for message in list(self.heard) if message.topic.startswith(prefix)]
        return [event for event in found if kind in (None, event["type"])]

    def await_online(self) -> dict[str, Any]:
        """Wait until the device says that it is there and has told all of its state."""
        return self.document("status", state="online")

    def forget(self) -> None:
        """Begin a new list of what is heard."""
        self.heard.clear()

    def sync(self) -> None:
        """Wait until all that the device has sent so far is here."""
        self.ask("system/ping")

    def _subscribe(self, client: paho.Client, *_: object) -> None:
        client.subscribe([("cinepi/#", 1), ("test/#", 1), ("homeassistant/#", 1)])

    def _hear(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        correlation = getattr(message.properties, "CorrelationData", None)
        topic, payload = message.topic, bytes(message.payload)
        SEEN.append((topic, payload, message.retain))
        self.heard.append(Heard(topic, payload, message.retain, message.qos, correlation))


@dataclass
class RunningDaemon:
    """One run of cinepid, below the root of a camera service."""

    layout: Layout
    process: subprocess.Popen[bytes]
    lines: list[str] = field(default_factory=list)

    @classmethod
    def start(cls, root: Path, port: int, **settings: Mapping[str, object]) -> "RunningDaemon":
        """Start it with the broker on `port`; sections of cinepid.yaml may be given."""
        layout = Layout(root)
        layout.daemon_config.parent.mkdir(parents=True, exist_ok=True)
        config: dict[str, dict[str, object]] = {
            "device": {"id": DEVICE},
            "broker": {"host": "127.0.0.1", "port": port},
        }
        for section, values in settings.items():
            config[section] = {**config.get(section, {}), **values}
        layout.daemon_config.write_text(json.dumps(config))
        clock = root / "clock.json"
        if not clock.exists():
            clock.write_text('{"offset_s": 0, "synced": true}')
        process = subprocess.Popen(
            [sys.executable, "-m", "cinepid", "run"],
            env={**os.environ, CLOCK_VARIABLE: str(clock), ROOT_VARIABLE: str(root)},
        )
        return cls(layout, process)

    def terminate(self) -> None:
        """Stop it as systemd does, and expect a clean end."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(LIMIT) == 0

    def kill(self) -> None:
        """Stop it as a power cut does."""
        self.process.kill()
        self.process.wait(LIMIT)

    def log(self) -> Iterator[dict[str, Any]]:
        """What it has logged."""
        for line in self.layout.daemon_log.read_text().splitlines():
            yield json.loads(line)


def _properties(packet: int) -> Properties:
    return Properties(packet)  # type: ignore[no-untyped-call]


def _has(document: Mapping[str, object], values: Mapping[str, object]) -> bool:
    return all(document.get(key) == value for key, value in values.items())
