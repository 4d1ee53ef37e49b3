"""A node of a cluster is killed under two devices in a session: what is lost, and what is not."""

import json
import time
from contextlib import ExitStack
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tests.broker.running import wait_for
from tests.fleet.clusters.conftest import NAMES, Stage
from tests.fleet.clusters.engine import NODES
from tests.fleet.following import Follower

FRAMES_AFTER = 8


class Reader:
    """A plain MQTT client on one node: no cinepictl, no second try."""

    def __init__(self, stage: Stage, node: int, *filters: str) -> None:
        """Subscribe."""
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        if stage.cluster.credentials is not None:
            self._client.username_pw_set(*stage.cluster.credentials)
        self._client.on_message = self._hear
        self._client.on_connect = lambda client, *_: client.subscribe([(f, 1) for f in filters])
        self._client.connect("127.0.0.1", stage.cluster.ports[node].mqtt)
        self._client.loop_start()

    def close(self) -> None:
        """Leave."""
        self._client.disconnect()
        self._client.loop_stop()

    def _hear(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        self.heard.append((message.topic, json.loads(message.payload or b"{}")))


def test_a_killed_node_costs_no_frame_and_no_event(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    """Devices and operator go on at the others; every event comes once, in order."""
    said = [f"\n{stage.cluster.name}, three nodes:"]
    for node in NODES:
        began = time.monotonic()
        listed = stage.at(node).ok("ls", "--json").json
        said.append(f"  ls on node {node}: {len(listed)} devices, {time.monotonic() - began:.1f} s")
        assert {device["device"] for device in listed} == set(NAMES)
    said.append(f"  documents stored, found by wildcard: {_found_by_wildcard(stage)}")
    with ExitStack() as stack:
        plain = Reader(stage, 3, "cinepi/+/event/+")
        stack.callback(plain.close)
        follower = Follower(stage.ctl, stack)
        stage.ctl.ok("session", "start", "--all", "--interval", "1")
        wait_for(lambda: all(len(follower.numbers(name)) >= 4 for name in NAMES), limit=60)

        killed = time.monotonic()
        stage.cluster.kill(1)
        wait_for(lambda: stage.ctl("ping", *NAMES, "--timeout", "2").code == 0, limit=90)
        said.append(f"  both answer {time.monotonic() - killed:.1f} s after node 1 was killed")

        marks = {name: follower.numbers(name)[-1] for name in NAMES}
        wait_for(
            lambda: all(follower.numbers(name)[-1] >= marks[name] + FRAMES_AFTER for name in NAMES),
            limit=90,
        )
        wait_for(lambda: stage.ctl("session", "stop", "--all", "--yes").code == 0, limit=60)
        wait_for(
            lambda: sum(event["type"] == "session_stopped" for event in follower.events) == 2,
            limit=60,
        )
        for name in NAMES:
            numbers = follower.numbers(name)
            raw = [event["seq"] for topic, event in plain.heard if f"/{name}/" in topic]
            expected = range(numbers[0], numbers[-1] + 1)
            lost, doubled = len(set(expected) - set(raw)), len(raw) - len(set(raw))
            stopped = follower.events_of(name, "session_stopped")[-1]
            said.append(
                f"  {name}: {len(numbers)} events; a plain reader on node 3 lost {lost}, had "
                f"{doubled} twice; {stopped['frames']} frames, {stopped['missed']} missed"
            )
            assert numbers == list(expected)
            assert stopped["missed"] == 0
    with capsys.disabled():
        print("\n".join(said))  # noqa: T201 - figures for the documentation


def _found_by_wildcard(stage: Stage) -> str:
    """How many retained `info` documents a plain reader finds on each node."""
    found = []
    for node in NODES:
        reader = Reader(stage, node, "cinepi/+/info")
        until = time.monotonic() + 2
        while time.monotonic() < until and len(reader.heard) < len(NAMES):
            time.sleep(0.05)  # a broker that finds none says nothing
        reader.close()
        found.append(f"{len(reader.heard)} on node {node}")
    return ", ".join(found)
