"""A light device that speaks the contract on one connection; see `simulated_fleet`."""

import asyncio
import os
import random
import socket
import time
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from benchmarks.parts import mqtt_packets as mqtt
from benchmarks.parts import simulated_documents as documents
from cinepi.clock import parse_time, rfc3339
from cinepi.model.documents import CameraDocument, ConfigDocument, SessionDocument
from cinepi.model.events import CaptureStored
from cinepid import topics
from cinepid.payloads import Answer, AnswerError, EventMessage, Stamp, event_payload, stamped

_KEEPALIVE = 60
_CHANCE = random.Random()  # noqa: S311 - habits, not secrets


@dataclass(frozen=True)
class Habits:
    """How devices behave.

    Attributes:
        health_s: Seconds from health to health.
        capture_s: Seconds from picture to picture; 0 for none.
        spread_s: How long an answer to a broadcast is held back at most, if it does not say.
        groups: Group names, one of which each device is in.
        silent: Share of devices that never answer.
        failing: Share of devices that answer with an error.
        losing: Share of first answers that are lost on their way.
        connects_per_s: How many begin in a second.
    """

    health_s: float = 30.0
    capture_s: float = 10.0
    spread_s: float = 0.5
    groups: tuple[str, ...] = ("north", "south")
    silent: float = 0.0
    failing: float = 0.0
    losing: float = 0.0
    connects_per_s: float = 2000.0


class Device(asyncio.Protocol):
    """One device on one connection."""

    def __init__(self, name: str, number: int, habits: Habits) -> None:
        """Begin its run."""
        self.name = name
        self.online: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._habits = habits
        self._topics = topics.Topics(name)
        self._group = habits.groups[number % len(habits.groups)] if habits.groups else ""
        self._boot = os.urandom(4).hex()
        self._since = rfc3339(time.time())
        self._seq = 0
        self._mid = 0
        self._frames = 0
        self._event_seq = 0
        self._answers: dict[str, bytes] = {}
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._state = "active" if habits.capture_s else "idle"
        self._session_since = self._since
        self._capture = documents.capture(None)
        self._timers: list[asyncio.TimerHandle] = []

    # ------------------------------------------------------------------------------ connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Introduce itself."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        will = self._status("offline", "connection_lost")
        client = f"cinepid-{self.name}"
        transport.write(mqtt.connect(client, _KEEPALIVE, self._topics.status, will))

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop everything."""
        for timer in self._timers:
            timer.cancel()
        if not self.online.done():
            self.online.set_exception(exc or ConnectionError("the broker hung up"))

    def data_received(self, data: bytes) -> None:
        """Take packets."""
        self._buffer += data
        for packet in mqtt.split(self._buffer):
            if packet.kind == mqtt.CONNACK:
                self._birth()
            elif packet.kind == mqtt.PUBLISH:
                self._hear(mqtt.message(packet))

    def close(self) -> None:
        """Leave with a goodbye."""
        if self._transport is not None and not self._transport.is_closing():
            self._say(self._topics.status, self._status("offline", "shutdown"))
            self._transport.write(mqtt.GOODBYE)
            self._transport.close()

    # --------------------------------------------------------------------------------- saying

    def _birth(self) -> None:
        assert self._transport
        filters = (self._topics.commands, topics.BROADCAST_COMMANDS, topics.GROUP_COMMANDS)
        self._transport.write(mqtt.subscribe(1, filters))
        self._say_all()
        if not self.online.done():
            self.online.set_result(None)
        habits = self._habits
        self._repeat(habits.health_s, self._tell_health)
        if habits.capture_s:
            self._repeat(habits.capture_s, self._take_frame)
        self._repeat(_KEEPALIVE / 2, lambda: self._write(mqtt.PING))

    def _repeat(self, period: float, work: Any) -> None:
        loop = asyncio.get_running_loop()

        def again() -> None:
            work()
            self._timers.append(loop.call_later(period, again))
            del self._timers[:-8]

        self._timers.append(loop.call_later(_CHANCE.random() * period, again))

    def _say_all(self) -> None:
        self._say_document("info", documents.info(self.name, self._group))
        self._say_document("session", self._session())
        self._say_document("camera", CameraDocument(connected=True, model="sim", health="ok"))
        self._say_document("config", ConfigDocument(revision=1, effective={}))
        self._say_document("health", documents.health(self._frames, self._since))
        self._say_document("capture", self._capture)
        self._say(self._topics.status, self._status("online", "start"))

    def _say_document(self, channel: str, document: msgspec.Struct) -> None:
        payload = stamped(self._stamp(), msgspec.json.encode(document))
        self._say(self._topics.document(channel), payload)

    def _say(self, topic: str, payload: bytes, *, retain: bool = True) -> None:
        self._mid = self._mid % 65535 + 1
        self._write(mqtt.publish(topic, payload, mid=self._mid, retain=retain))

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _tell_health(self) -> None:
        self._say_document("health", documents.health(self._frames, self._since))

    def _take_frame(self) -> None:
        if self._state != "active":
            return
        self._frames += 1
        self._event_seq += 1
        self._capture = documents.capture(None)
        envelope = EventMessage(
            seq=self._event_seq,
            boot=self._boot,
            at=rfc3339(time.time()),
            event_type="capture_stored",
            replay=False,
        )
        event = CaptureStored(**msgspec.structs.asdict(self._capture))
        topic = self._topics.event("capture_stored")
        self._say(topic, event_payload(envelope, msgspec.json.encode(event)), retain=False)
        self._say_document("capture", self._capture)
        self._say_document("session", self._session())

    # ------------------------------------------------------------------------------- answering

    def _hear(self, message: mqtt.Message) -> None:
        if message.qos:
            self._write(mqtt.puback(message.mid))
        address = topics.parse(message.topic)
        name = "/".join(address.path)
        if not message.payload or (address.group and address.group != self._group):
            return
        if _CHANCE.random() < self._habits.silent:
            return
        given: dict[str, Any] = msgspec.json.decode(message.payload)
        spread = 0.0
        if address.is_broadcast:
            spread = given.get("spread_ms", self._habits.spread_s * 1000) / 1000
        wait = _CHANCE.random() * spread
        if name == "snapshot/take" and "at" in given:
            wait += max(0.0, parse_time(given["at"], "/at") - time.time())
        loop = asyncio.get_running_loop()
        loop.call_later(wait, self._answer, name, {**given, "heard_at": rfc3339(time.time())})

    def _answer(self, name: str, given: dict[str, Any]) -> None:
        command_id = str(given.get("id", os.urandom(4).hex()))
        payload = self._answers.get(command_id)
        if payload is None:
            payload = msgspec.json.encode(self._do(name, command_id, given))
            self._answers[command_id] = payload
            while len(self._answers) > 20:
                del self._answers[next(iter(self._answers))]
            if _CHANCE.random() < self._habits.losing:
                return
        self._say(self._topics.response(name), payload, retain=False)

    def _do(self, name: str, command_id: str, given: dict[str, Any]) -> Answer:
        if _CHANCE.random() < self._habits.failing:
            error = AnswerError(code="camera_unavailable", message="no camera", retryable=True)
            return Answer(id=command_id, command=name, final=True, success=False, error=error)
        data: object = {}
        match name:
            case "snapshot/take":
                due = parse_time(given["at"], "/at") if "at" in given else None
                self._capture = documents.capture(due)
                self._say_document("capture", self._capture)
                data = self._capture
            case "session/start" | "session/stop":
                self._state = "active" if name == "session/start" else "idle"
                self._session_since = rfc3339(time.time())
                self._say_document("session", self._session())
                data = self._session()
            case "session/get":
                data = self._session()
            case "health/check":
                data = documents.health(self._frames, self._since)
            case "system/republish":
                self._say_all()
            case "system/ping":
                data = {
                    "at": given["heard_at"],
                    "boot": self._boot,
                    "version": documents.VERSION,
                    "camera_service": True,
                    "clock_synced": True,
                }
            case _:
                error = AnswerError(code="unknown_command", message=f"there is no {name}")
                return Answer(id=command_id, command=name, final=True, success=False, error=error)
        return Answer(
            id=command_id,
            command=name,
            final=True,
            success=True,
            message=f"{name} done",
            data=msgspec.Raw(msgspec.json.encode(data)),
        )

    # ------------------------------------------------------------------------------- documents

    def _stamp(self) -> Stamp:
        self._seq += 1
        return Stamp(at=rfc3339(time.time()), boot=self._boot, seq=self._seq)

    def _status(self, state: Literal["online", "offline"], reason: str) -> bytes:
        return documents.status(self._stamp(), state, reason, self._since)

    def _session(self) -> SessionDocument:
        return documents.session(
            self._capture,
            is_active=self._state == "active",
            interval=self._habits.capture_s or 10.0,
            frames=self._frames,
            since=self._session_since,
        )
