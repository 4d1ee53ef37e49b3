"""One good command of every kind, and what the contract says about it.

`make examples` writes what was said into the contract's examples.
"""

import json
import os
import queue
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.subscribeoptions import SubscribeOptions

import cinepid.contract
from cinepid.commands._registry import commands
from tests.broker.contract import channels, messages, mistakes, validator
from tests.broker.running import DEVICE, LIMIT, Heard, Operator
from tests.service.running import RunningService
from tests.service.stick import plug, stick, unplug

Arguments = dict[str, Any]

_EXAMPLES = Path(cinepid.contract.__file__).with_name("examples.json")
_LONGEST = 1500  # bytes of an example: more is no example but a listing


def _conversation(operator: Operator, service: RunningService) -> Iterator[tuple[str, Arguments]]:
    """What an operator might say on the first day, in an order that makes sense."""
    yield "system/ping", {}
    yield "session/start", {"interval": 30, "count": 240, "name": "Tomatoes"}
    yield "session/get", {}
    yield "session/pause", {}
    yield "session/resume", {}
    yield "session/stop", {}
    yield "session/set", {"state": "OFF"}
    yield "camera/get", {}
    yield "camera/set", {"exposure_mode": "manual", "iso": 200, "shutter_us": 8000}
    yield "camera/restart", {}
    yield "snapshot/take", {"id": "morning-1"}
    taken = operator.answer("snapshot/take", id="morning-1")["data"]["filename"]
    yield "captures/list", {"limit": 1, "kind": "snapshot"}
    yield "captures/get", {"filename": taken, "as": "preview"}
    yield "captures/delete", {"filename": taken}
    yield "config/get", {}
    yield "config/schema", {}
    yield "config/patch", {"patch": {"capture": {"quality": 90}}}
    yield "config/replace", {"config": {"capture": {"quality": 91}}, "dry_run": True}
    yield "config/validate", {"config": {"camera": {"iso": 400}}}
    yield "config/backup", {"id": "backup-1"}
    made = operator.answer("config/backup", id="backup-1")["data"]["backup_file"]
    yield "config/backups", {}
    yield "config/restore", {"file": made}
    service.layout.config.write_text("camera: [")
    yield "config/recover", {}
    yield "events/replay", {"after": 0, "limit": 1}
    yield "health/check", {}
    yield "logs/recent", {"limit": 1}
    yield "system/forget", {}
    yield "system/republish", {}
    with stick() as disk:
        plug(service.layout.captures, disk)
        operator.ask("snapshot/take", id="evening-1")
        unplug(service.layout.captures)
        operator.wait("event/captures_folder_changed")
        yield "captures/accept", {}


def _whole(conversation: Iterator[tuple[str, Arguments]]) -> Iterator[tuple[str, Arguments]]:
    """With an empty message for every command that was left out and needs no arguments."""
    spoken = set()
    for command, arguments in conversation:
        spoken.add(command)
        yield command, arguments
    for command in commands():
        payload = messages()[command.replace("/", ".")]["payload"]
        if command not in spoken and not payload["required"]:
            yield command, {}


class Said(NamedTuple):
    """What was said: each command's arguments and its answer, and all that was heard meanwhile."""

    answers: dict[str, tuple[Arguments, Arguments]]
    heard: tuple[Heard, ...]


@pytest.fixture(scope="module")
def said(garden: tuple[Operator, RunningService]) -> Said:
    """The whole conversation."""
    operator, service = garden
    found = {}
    for command, arguments in _whole(_conversation(operator, service)):
        asked = {"id": command.replace("/", "-"), **arguments}
        found[command] = (asked, operator.ask(command, **asked))
    operator.sync()
    return Said(found, tuple(operator.heard))


@pytest.mark.parametrize("command", commands())
def test_a_good_command_is_in_the_contract_and_done(said: Said, command: str) -> None:
    """What the document admits is understood; answers are judged like all else that is heard."""
    asked, answer = said.answers[command]
    assert answer["success"], answer
    name = command.replace("/", ".")
    assert mistakes(validator(messages()[name]["payload"]), asked) == []


def test_a_plain_word_is_in_the_contract(shared: Operator) -> None:
    """A switch sends ON and OFF without JSON."""
    shared.send("session/set", "OFF")
    assert shared.answer("session/set")["success"]
    assert mistakes(validator(messages()["session.set.plain"]["payload"]), "OFF") == []


def test_every_retained_topic_is_heard(said: Said) -> None:
    """Nothing that the contract says is retained is missing on a running device."""
    heard = {message.topic for message in said.heard}
    for channel in channels():
        if channel.retain:
            assert any(map(channel.topic.fullmatch, heard)), channel.topic.pattern


def test_messages_are_sent_as_promised(shared: Operator, shared_service: RunningService) -> None:
    """Retained or not, and at which quality of service: as published, not as received."""
    config = json.loads(shared_service.layout.daemon_config.read_text())
    heard: queue.Queue[paho.MQTTMessage] = queue.Queue()
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.on_message = lambda _client, _data, message: heard.put(message)
    client.connect(config["broker"]["host"], config["broker"]["port"])
    as_published = SubscribeOptions(qos=1, retainAsPublished=True, retainHandling=2)
    is_subscribed = threading.Event()
    client.on_subscribe = lambda *_: is_subscribed.set()
    client.subscribe(f"cinepi/{DEVICE}/#", options=as_published)
    client.loop_start()
    try:
        assert is_subscribed.wait(LIMIT)
        shared.send("camera/set", {"iso": 1})  # costs a line in the log
        shared.send("snapshot/take")
        shared.answer("snapshot/take")
        shared.ask("system/republish", id="the last")
        seen = set()
        while b"the last" not in (message := heard.get(timeout=LIMIT)).payload or (
            "/response/" not in message.topic
        ):
            channel = next((c for c in channels() if c.topic.fullmatch(message.topic)), None)
            if channel is not None:
                assert (message.retain, message.qos) == (channel.retain, channel.qos), message.topic
                seen.add(message.topic.split("/")[2])
    finally:
        client.disconnect()
        client.loop_stop()
    assert seen >= {"status", "info", "camera", "capture", "image", "event", "response", "log"}


def test_health_measures_what_the_dashboard_did(said: Said) -> None:
    """Response of the service, a file's way to the disk, the way through the broker, memory."""
    health = said.answers["health/check"][1]["data"]
    assert set(health["checks"]) == {"cinepi_modules", "file_system", "configuration", "mqtt"}
    assert 0 < health["service_response_ms"] < 5000
    assert 0 < health["file_operation_ms"] < 5000
    assert 0 < health["mqtt"]["round_trip_ms"] < 5000
    assert health["daemon_bytes"] > 1e6
    assert health["service_bytes"] > 1e6


@pytest.mark.skipif("RECORD_EXAMPLES" not in os.environ, reason="RECORD_EXAMPLES is not set")
def test_record_examples(said: Said, shared_service: RunningService) -> None:
    """The examples in the contract are what was really said."""
    found: Arguments = {"session.set.plain": "ON"}
    for command, (asked, answer) in said.answers.items():
        name = command.replace("/", ".")
        found[name], found[f"{name}.answer"] = asked, answer
    for message in said.heard:
        channel, _, rest = message.topic.removeprefix(f"cinepi/{DEVICE}/").partition("/")
        name = rest if channel == "event" else "_".join(filter(None, (channel, rest)))
        if name in messages() and message.payload and name != "image":
            found[name] = message.json
    short = {
        name: [found[name]]
        for name in messages()
        if name in found and len(json.dumps(found[name])) < _LONGEST
    }
    text = json.dumps(short, indent=1, ensure_ascii=False)
    text = text.replace(str(shared_service.layout.root), "")
    _EXAMPLES.write_text(re.sub(r"127\.0\.0\.1:\d+", "localhost:1883", text) + "\n")
