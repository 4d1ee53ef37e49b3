"""Broker, camera service and daemon, as `cinepid demo` starts them, in a folder that goes again."""

import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.parts.ports import await_port, free_port

LIMIT_S = 20.0


@dataclass
class Stack:
    """A running product, and an MQTT client that hears everything it says.

    Attributes:
        root: Below which everything lies.
        port: Of the broker.
        service: The camera service's process.
        daemon: The MQTT daemon's process.
        heard: Every message of the device, in order: topic and payload.
    """

    root: Path
    port: int
    service: subprocess.Popen[bytes]
    daemon: subprocess.Popen[bytes]
    client: paho.Client
    heard: list[tuple[str, bytes]] = field(default_factory=list)
    news: threading.Condition = field(default_factory=threading.Condition)

    def send(self, command: str, **arguments: object) -> None:
        """Publish a command to the device."""
        self.client.publish(f"cinepi/bench/cmd/{command}", json.dumps(arguments), qos=1)

    def wait_for(
        self, what: Callable[[list[tuple[str, bytes]]], bool], limit: float = LIMIT_S
    ) -> None:
        """Wait until what was heard so far satisfies a condition."""
        with self.news:
            if not self.news.wait_for(lambda: what(self.heard), limit):
                message = f"not heard within {limit:g} s"
                raise TimeoutError(message)

    def events(self, kind: str) -> list[dict[str, object]]:
        """All events of one type, in the order of their arrival."""
        return [
            json.loads(payload)
            for topic, payload in self.heard
            if topic == f"cinepi/bench/event/{kind}"
        ]


@contextmanager
def running(resolution: str = "1920x1080") -> Iterator[Stack]:
    """Start everything on the simulated camera, and stop it in the end."""
    root = Path(tempfile.mkdtemp(prefix="cinepi-bench-"))
    port = free_port()
    folder = root / "opt/cinepi/config"
    folder.mkdir(parents=True)
    (folder / "cinepi.yaml").write_text(
        f"camera: {{backend: simulated, resolution: {resolution}}}\ncapture: {{reserve_mb: 16}}\n"
    )
    config = folder / "cinepid.yaml"
    config.write_text(f"device: {{id: bench}}\nbroker: {{host: 127.0.0.1, port: {port}}}\n")
    (root / "mosquitto.conf").write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\nlog_type none\n"
    )
    broker = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    if broker is None:
        sys.exit("mosquitto is not installed; make test installs it")
    processes = [subprocess.Popen([broker, "-c", str(root / "mosquitto.conf")])]
    await_port(port)
    python = [sys.executable, "-m"]
    commands = (
        [*python, "cinepi.service", "--root", str(root)],
        [*python, "cinepid", "run", "--root", str(root), "--config", str(config)],
    )
    processes += [subprocess.Popen(command, stderr=subprocess.DEVNULL) for command in commands]
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    stack = Stack(root, port, processes[1], processes[2], client)

    def hear(_client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        with stack.news:
            stack.heard.append((message.topic, bytes(message.payload)))
            stack.news.notify_all()

    client.on_message = hear
    client.on_socket_open = _no_delay
    try:
        client.connect("127.0.0.1", port)
        client.subscribe("cinepi/bench/#", 1)
        client.loop_start()
        stack.wait_for(lambda heard: any(b'"online"' in p for t, p in heard if "status" in t))
        yield stack
    finally:
        client.loop_stop()
        for process in reversed(processes):
            process.send_signal(signal.SIGTERM)
            process.wait(LIMIT_S)
        shutil.rmtree(root)


def _no_delay(_client: paho.Client, _data: object, sock: Any) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
