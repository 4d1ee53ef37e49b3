"""Hostile input through a real broker: it costs an answer each, no memory, and no shutter."""

import json
import os
import random
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.faults import invariants
from tests.faults.hostile import messages
from tests.faults.observer import Observer
from tests.faults.stack import DEVICE, Stack, wait_for

MESSAGES = int(os.environ.get("HOSTILE_MESSAGES", "3000"))
CHOICE = random.Random(4)  # noqa: S311 - reproducible, not secret
BATCH = 200
FLOOD = int(os.environ.get("HOSTILE_FLOOD", "20000"))
MEGABYTE = 1024 * 1024
LARGEST = 64 * MEGABYTE
"""What the daemon may have in memory, whatever it is sent; after 100,000 messages it had 52 MB."""


@pytest.fixture
def device(tmp_path: Path) -> Iterator[tuple[Stack, Observer]]:
    """A device that is online, without a session."""
    stack = Stack(tmp_path)
    stack.start()
    observer = Observer(stack.port)
    try:
        observer.await_document("camera", lambda found: found["connected"])
        assert observer.ask("snapshot/take")["success"]
        yield stack, observer
    finally:
        observer.close()
        stack.close()


@pytest.mark.timeout(600 + MESSAGES // 20)
def test_hostile_messages_fire_no_shutter(device: tuple[Stack, Observer]) -> None:
    """Whatever is sent to the command topics, nothing happens and everything still works."""
    stack, observer = device
    daemon = psutil.Process(stack.daemon.pid)
    before = stack.pictures()
    config = stack.layout.config.read_bytes()
    settled = 0
    began = time.monotonic()
    for number, (topic, payload, retain) in enumerate(messages(CHOICE, MESSAGES)):
        observer.publish(topic, payload, qos=number % 2, retain=retain)
        if number % BATCH == BATCH - 1:
            assert observer.ask("system/ping")["success"]
        if number == MESSAGES // 2:
            settled = daemon.memory_info().rss
    assert observer.ask("system/ping")["success"]
    size = daemon.memory_info().rss
    grown = size - settled
    print(
        f"{MESSAGES} messages in {time.monotonic() - began:.0f} s, {observer.heard} came back; "
        f"memory {settled / MEGABYTE:.1f} MB at half of them, {size / MEGABYTE:.1f} MB at the end; "
        f"shutter fired {len(stack.pictures() - before)} times"
    )
    assert size < LARGEST
    # The last thousand answers are remembered: after some 5000 messages that memory is full.
    assert MESSAGES < 10_000 or grown < MEGABYTE
    assert stack.pictures() == before
    assert stack.layout.config.read_bytes() == config
    assert observer.data("session/get")["state"] == "idle"
    assert invariants.problems(stack, observer) == []


def test_answers_are_not_sent_to_where_commands_are_taken(device: tuple[Stack, Observer]) -> None:
    """A response topic that is a command topic would make a device command itself."""
    stack, observer = device
    before = stack.pictures()
    for topic in (
        f"cinepi/{DEVICE}/cmd/snapshot/take",
        "cinepi/_all/cmd/snapshot/take",
        f"cinepi/{DEVICE}/status",
        "homeassistant/status",
        "$SYS/x",
        f"cinepi/{DEVICE}/response/../cmd/snapshot/take",
    ):
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.ResponseTopic = topic
        observer.publish(f"cinepi/{DEVICE}/cmd/system/ping", b"", qos=1, properties=properties)
    for _ in range(20):
        assert observer.ask("system/ping")["success"]
    assert stack.pictures() == before
    status = observer.retained["status"]
    assert status["state"] == "online"


@pytest.mark.timeout(120)
def test_a_flood_of_commands_is_answered_one_by_one(device: tuple[Stack, Observer]) -> None:
    """Of 300 pictures asked for at once some are taken, the others are told that it is busy."""
    stack, observer = device
    before = len(stack.pictures())
    flood = [observer.send("snapshot/take") for _ in range(300)]
    wait_for(lambda: all(sent.final for sent in flood), limit=90, why=stack.stderr)
    taken = [sent for sent in flood if sent.final and sent.final["success"]]
    refused = [sent.final["error"]["code"] for sent in flood if sent not in taken and sent.final]
    assert set(refused) <= {"busy", "expired"}
    assert len(stack.pictures()) - before == len(taken)
    assert all(len(sent.answers) == 1 for sent in flood)
    assert invariants.problems(stack, observer) == []


@pytest.mark.alone
@pytest.mark.timeout(120)
def test_a_flood_that_no_window_holds_back_costs_no_memory(device: tuple[Stack, Observer]) -> None:
    """QoS 0 comes as fast as it is sent; a command of QoS 1 in the middle of it is answered."""
    stack, observer = device
    daemon = psutil.Process(stack.daemon.pid)
    settled, largest = daemon.memory_info().rss, 0
    for number in range(FLOOD):
        observer.publish(f"cinepi/{DEVICE}/cmd/system/ping", b"")
        if number % BATCH == 0:
            largest = max(largest, daemon.memory_info().rss)
    sent = observer.send("system/ping")
    wait_for(lambda: sent.final, limit=90, why=stack.stderr)
    largest = max(largest, daemon.memory_info().rss)
    print(f"memory {settled / MEGABYTE:.1f} MB before, {largest / MEGABYTE:.1f} MB at most")
    assert largest - settled < 16 * MEGABYTE
    wait_for(lambda: "the flood is over" in stack.stderr(), why=stack.stderr)
    assert observer.ask("system/ping")["success"]
    assert stack.stderr().count("flood of commands") == 1
    assert len(sent.answers) == 1


def test_a_client_that_does_not_read_hinders_nobody(device: tuple[Stack, Observer]) -> None:
    """Somebody on the camera's socket who asks for much and reads nothing is left behind."""
    stack, observer = device
    name = next(iter(stack.pictures()))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as greedy:
        greedy.connect(str(stack.layout.socket)[-100:])
        request = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "captures.read",
            "params": {"filename": name},
        }
        line = json.dumps(request).encode() + b"\n"
        greedy.settimeout(2)
        for _ in range(40):
            greedy.sendall(line)
        began = time.monotonic()
        assert observer.ask("snapshot/take")["success"]
        print(f"a picture took {time.monotonic() - began:.2f} s beside a client that does not read")
