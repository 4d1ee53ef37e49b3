"""From a command to its answer, over a real broker: `python -m benchmarks.round_trip`.

The yardstick is a bare echo: the same client library, in a process of its own, sends every message
back. Rounds take turns, so that whatever else the machine does hits all alike; the ratio to the
echo is what can be compared from machine to machine. Both ends and the broker send without delay.
"""

import argparse
import json
import multiprocessing
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.parts.ports import await_port, free_port
from cinepi.units import Milliseconds

_TARGET = 2.0
_DEVICE = "bench"
_ECHO = "bench/echo"
_ROUND = 50
_TRIPS = {"camera/set": 10}  # each is a copy of the configuration: 100 a second have names
_LIMIT_S = 15.0
_READY = ("status", "session")

_QUESTIONS: dict[str, Callable[[int], dict[str, object]]] = {
    "system/ping": lambda _: {},
    "session/get": lambda _: {},
    "camera/set": lambda number: {"iso": 100 + number % 700},
}


class Asker:
    """Sends one message at a time and waits for the one that comes back."""

    def __init__(self, port: int) -> None:
        """Connect."""
        self._client = _client("asker")
        self._answered = threading.Event()
        self._ready = {f"cinepi/{_DEVICE}/{name}": threading.Event() for name in _READY}
        self._client.on_message = self._hear
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        answers = ("bench/answer", f"cinepi/{_DEVICE}/response/#", *self._ready)
        self._client.subscribe([(topic, 1) for topic in answers])

    def await_device(self) -> None:
        """Wait until the daemon hears, and has heard from the camera service."""
        for ready in self._ready.values():
            if not ready.wait(_LIMIT_S):
                raise SystemExit("the daemon did not start")

    def ask(self, topic: str, payload: bytes) -> Milliseconds:
        """How long one question takes, in milliseconds."""
        self._answered.clear()
        began = time.perf_counter()
        self._client.publish(topic, payload, qos=1)
        if not self._answered.wait(_LIMIT_S):
            raise SystemExit(f"no answer on {topic}")
        return (time.perf_counter() - began) * 1000

    def _hear(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        if message.topic in self._ready:
            self._ready[message.topic].set()
            return
        if b'"success":false' in message.payload:
            print(message.payload.decode(), file=sys.stderr)
        self._answered.set()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help=f"of {_ROUND} trips each")
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder, _stack(Path(folder)) as port:
        asker = Asker(port)
        asker.await_device()
        times: dict[str, list[Milliseconds]] = {"echo": [], **{name: [] for name in _QUESTIONS}}
        number = 0
        for turn in range(rounds + 1):
            for name, taken in times.items():
                for _ in range(_TRIPS.get(name, _ROUND)):
                    number += 1
                    duration = asker.ask(*_message(name, number))
                    if turn:  # the first round warms up
                        taken.append(duration)
    _report(times)


def _message(name: str, number: int) -> tuple[str, bytes]:
    if name == "echo":
        return _ECHO, b"{}"
    return f"cinepi/{_DEVICE}/cmd/{name}", json.dumps(_QUESTIONS[name](number)).encode()


def _report(times: dict[str, list[Milliseconds]]) -> None:
    bare = statistics.median(times["echo"])
    print(f"{'':12} {'p50':>8} {'p99':>8} {'max':>8}   p50 to the echo's")
    for name, taken in times.items():
        p50, p99 = statistics.median(taken), statistics.quantiles(taken, n=100)[98]
        print(f"{name:12} {p50:6.2f}ms {p99:6.2f}ms {max(taken):6.1f}ms   {p50 / bare:.2f}")
    worst = max(statistics.median(times[name]) for name in ("system/ping", "session/get"))
    verdict = "met" if worst / bare <= _TARGET else "MISSED"
    print(f"target of {_TARGET:g} for system/ping and session/get: {verdict}")


@contextmanager
def _stack(folder: Path) -> Iterator[int]:
    """Broker, echo, camera service and daemon."""
    port = free_port()
    configuration = folder / "mosquitto.conf"
    configuration.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n"
    )
    mosquitto = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin") or "mosquitto"
    device = folder / "opt/cinepi/config"
    device.mkdir(parents=True)
    (device / "cinepid.yaml").write_text(
        f"device: {{id: {_DEVICE}}}\nbroker: {{host: 127.0.0.1, port: {port}}}\n"
    )
    (device / "cinepi.yaml").write_text("camera: {backend: simulated, exposure_mode: manual}\n")
    running = [
        subprocess.Popen([mosquitto, "-c", str(configuration)], stderr=subprocess.DEVNULL),
        _python("cinepi.service", "--root", str(folder)),
        _python("cinepid", "run", "--root", str(folder)),
    ]
    await_port(port)
    echo = multiprocessing.get_context("spawn").Process(target=_echo, args=(port,), daemon=True)
    echo.start()
    try:
        yield port
    finally:
        echo.terminate()
        for process in reversed(running):
            process.terminate()
            process.wait()


def _python(*arguments: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-m", *arguments])


def _echo(port: int) -> None:
    """Send everything back, with the client library alone."""
    client = _client("echo")

    def answer(_client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        client.publish("bench/answer", message.payload, qos=1)

    def subscribe(*_: Any) -> None:
        client.subscribe(_ECHO, qos=1)

    client.on_message, client.on_connect = answer, subscribe
    client.connect("127.0.0.1", port)
    client.loop_forever()


def _client(name: str) -> paho.Client:
    client = paho.Client(CallbackAPIVersion.VERSION2, name, protocol=paho.MQTTv5)

    def send_at_once(_client: paho.Client, _data: Any, sock: Any) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    client.on_socket_open = send_at_once
    return client


if __name__ == "__main__":
    main()
