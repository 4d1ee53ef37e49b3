"""Who watches: an MQTT client that remembers every event, answer and retained document."""

import json
import queue
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.faults.stack import DEVICE, LIMIT, wait_for

Document = dict[str, Any]

FORGIVEN = frozenset({"busy", "camera_unavailable", "storage_full", "timeout"})
"""Codes of answers that invite another try: the command has had no effect so far. Where a daemon
dies between such an answer and its acknowledgement, the broker's redelivery is that other try."""


@dataclass
class Sent:
    """A command and what came of it."""

    id: str
    verb: str
    at: float
    arguments: Document
    answers: list[Document] = field(default_factory=list)
    answered_at: float | None = None

    @property
    def final(self) -> Document | None:
        """Its first final answer."""
        return self.answers[0] if self.answers else None

    @property
    def data(self) -> Document | None:
        """What came of it; None if it was not done."""
        return next((a.get("data") or {} for a in self.answers if a["success"]), None)


class Observer:
    """Watches one device over MQTT.

    Attributes:
        events: By seq.
        duplicates: Deliveries of events that had come before, as QoS 1 allows.
        replayed: Events that `events/replay` brought after the broker had lost them.
        disorder: What came later than a younger one, in words.
        newest: The highest seq of an event.
        commands: By id.
        gaps: Counted gaps that the device reported.
        retained: The newest document of each channel.
    """

    def __init__(self, port: int, name: str = "observer") -> None:
        """Connect, and stay for ever: the broker keeps what comes while we are not there."""
        self.events: dict[int, Document] = {}
        self.duplicates = 0
        self.replayed = 0
        self.disorder: list[str] = []
        self.commands: dict[str, Sent] = {}
        self.gaps: list[Document] = []
        self.retained: dict[str, Document] = {}
        self.heard = 0
        self.newest = 0
        self._count = 0
        self._name = name
        self._lock = threading.Lock()
        self._subscribed: queue.Queue[None] = queue.Queue()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, name, protocol=paho.MQTTv5)
        self._client.on_message = lambda *given: self._hear(given[2])
        self._client.on_connect = self._subscribe
        self._client.on_subscribe = lambda *_: self._subscribed.put(None)
        self._client.reconnect_delay_set(0.1, 0.1)  # type: ignore[arg-type]
        properties = _properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = 3600
        properties.ReceiveMaximum = 1000
        self._client.connect("127.0.0.1", port, 30, clean_start=False, properties=properties)
        self._client.loop_start()
        self._subscribed.get(timeout=LIMIT)

    def close(self) -> None:
        """Leave."""
        self._client.disconnect()
        self._client.loop_stop()

    # ------------------------------------------------------------------------------ commands

    def send(self, verb: str, **arguments: object) -> Sent:
        """Send a command with an id of its own; does not wait."""
        self._count += 1
        sent = Sent(f"{self._name}-{self._count}", verb, time.monotonic(), dict(arguments))
        self.commands[sent.id] = sent
        self.send_again(sent)
        return sent

    def send_again(self, sent: Sent) -> None:
        """Send the very same command, as somebody does who has heard nothing."""
        payload = json.dumps({"id": sent.id, **sent.arguments})
        self._client.publish(f"cinepi/{DEVICE}/cmd/{sent.verb}", payload, qos=1)

    def publish(self, topic: str, payload: bytes, **options: Any) -> None:
        """Publish anything."""
        self._client.publish(topic, payload, **options)

    def ask(self, verb: str, **arguments: object) -> Document:
        """Send a command and wait for its final answer."""
        sent = self.send(verb, **arguments)
        wait_for(lambda: sent.final, why=f"no answer to {verb} {sent.id}")
        assert sent.final is not None
        return sent.final

    def data(self, verb: str, **arguments: object) -> Document:
        """Ask until the answer is a success, and return its data; for questions only."""
        deadline = time.monotonic() + LIMIT
        while True:
            answer = self.ask(verb, **arguments)
            if answer["success"]:
                data: Document = answer["data"]
                return data
            assert answer["error"]["code"] in FORGIVEN, answer
            assert time.monotonic() < deadline, answer

    def unanswered(self) -> list[Sent]:
        """Commands without a final answer."""
        return [sent for sent in list(self.commands.values()) if sent.final is None]

    # -------------------------------------------------------------------------------- events

    def of_type(self, *kinds: str) -> list[Document]:
        """Events of some types, by seq."""
        with self._lock:
            events = sorted(self.events.items(), key=lambda item: item[0])
        return [event for _, event in events if event["type"] in kinds]

    def holes(self) -> list[int]:
        """Sequence numbers that neither an event nor a counted gap accounts for."""
        with self._lock:
            heard = set(self.events)
            gaps = list(self.gaps)
        newest = max(heard, default=0)
        heard |= {seq for gap in gaps for seq in range(gap["from_seq"], gap["to_seq"] + 1)}
        return [seq for seq in range(1, newest + 1) if seq not in heard]

    def mend_holes(self) -> int:
        """Ask for what is missing, as anybody can who saw a gap; returns how many came."""
        before = len(self.events)
        while holes := self.holes():
            answer = self.data("events/replay", after=holes[0] - 1, limit=100)
            if not answer["events"]:
                break
            for entry in answer["events"]:
                self._take_event({**entry["data"], **entry}, is_live=False)
            if holes[0] in self.holes():
                break
        self.replayed += len(self.events) - before
        return len(self.events) - before

    def await_seq(self, seq: int, limit: float = LIMIT) -> None:
        """Wait until all events up to `seq` are here."""
        wait_for(
            lambda: self.newest >= seq,
            limit=limit,
            why=lambda: f"newest event is {self.newest}, not {seq}",
        )

    def await_document(
        self, channel: str, fits: Callable[[Document], bool] = lambda _: True, limit: float = LIMIT
    ) -> Document:
        """Wait until the newest document of a channel fits."""

        def newest() -> Document | None:
            document = self.retained.get(channel)
            return document if document and fits(document) else None

        document = wait_for(
            newest, limit=limit, why=lambda: f"{channel} is {self.retained.get(channel)}"
        )
        assert document is not None
        return document

    def await_online(self, limit: float = LIMIT) -> Document:
        """Wait until the device says that it is there."""
        return self.await_document("status", lambda found: found["state"] == "online", limit)

    # -------------------------------------------------------------------------- called by paho

    def _subscribe(self, client: paho.Client, *_: object) -> None:
        client.subscribe(f"cinepi/{DEVICE}/#", 1)

    def _hear(self, message: paho.MQTTMessage) -> None:
        self.heard += 1
        channel = message.topic.removeprefix(f"cinepi/{DEVICE}/")
        kind, _, _ = channel.partition("/")
        if kind in {"cmd", "image", "log"}:
            return
        if not message.payload:
            self.retained.pop(channel, None)
            return
        with suppress(UnicodeDecodeError, json.JSONDecodeError):
            document: Document = json.loads(message.payload)
            if kind == "event":
                self._take_event(document, is_live=True)
            elif kind == "response":
                self._take_answer(document)
            else:
                self.retained[channel] = document

    def _take_event(self, event: Document, *, is_live: bool) -> None:
        with self._lock:
            if event["type"] == "gap":
                self.gaps.append(event)
                return
            seq = event["seq"]
            if seq in self.events:
                self.duplicates += is_live
                return
            if is_live and seq < self.newest:
                self.disorder.append(f"event {seq} came after {self.newest}")
            self.newest = max(self.newest, seq)
            self.events[seq] = {**event, "heard_at": time.monotonic()}

    def _take_answer(self, answer: Document) -> None:
        sent = self.commands.get(answer.get("id", ""))
        if sent is not None and answer.get("final"):
            sent.answered_at = sent.answered_at or time.monotonic()
            sent.answers.append(answer)


def effects(commands: Mapping[str, Sent]) -> dict[str, list[Sent]]:
    """The commands that were done, by verb."""
    done: dict[str, list[Sent]] = defaultdict(list)
    for sent in commands.values():
        if sent.data is not None:
            done[sent.verb].append(sent)
    return done


def _properties(packet: int) -> Properties:
    return Properties(packet)  # type: ignore[no-untyped-call]
