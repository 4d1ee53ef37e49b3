"""A mosquitto of our own, which can be killed and come back with or without its memory."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue
from threading import Event

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.subscribeoptions import SubscribeOptions

from tests.homeassistant.harness.client import wait_until
from tests.machine import free_port


class Broker:
    """One mosquitto on a port of its own."""

    def __init__(self, folder: Path) -> None:
        """Prepare; `start` does the rest."""
        self.port = free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *, remembers: bool = True) -> None:
        """Start; unless it `remembers`, all retained messages and sessions are gone."""
        memory = self._folder / "mosquitto.db"
        if not remembers:
            memory.unlink(missing_ok=True)
        configuration = self._folder / "mosquitto.conf"
        configuration.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\nuser root\n"
            f"persistence true\npersistence_location {self._folder}/\nlog_type error\n"
        )
        self._process = subprocess.Popen(["mosquitto", "-c", str(configuration)])
        wait_until(self.answers, "the broker")

    def stop(self) -> None:
        """Stop it; it writes down what is retained."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def publish(self, topic: str, payload: str, *, retain: bool = False) -> None:
        """Send a message as some other client."""
        command = ["mosquitto_pub", "-p", str(self.port), "-q", "1", "-t", topic, "-m", payload]
        subprocess.run([*command, *(["-r"] if retain else [])], check=True, timeout=10)

    def retained(self, topic: str) -> bytes:
        """What is retained on a topic; empty if nothing is."""
        found = subprocess.run(
            ["mosquitto_sub", "-p", str(self.port), "-t", topic, "-C", "1", "-W", "1", "-N"],
            capture_output=True,
            check=False,
            timeout=10,
        )
        return found.stdout

    @contextmanager
    def listening(
        self, topic: str, *, with_retained: bool = True
    ) -> Iterator[Callable[[float], paho.MQTTMessage]]:
        """Subscribe; the block gets a function that waits for the next message."""
        messages: Queue[paho.MQTTMessage] = Queue()
        subscribed = Event()
        client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        client.on_message = lambda _client, _data, message: messages.put(message)
        client.on_subscribe = lambda *_: subscribed.set()
        client.connect("127.0.0.1", self.port)
        client.loop_start()
        handling = SubscribeOptions.RETAIN_SEND_ON_SUBSCRIBE
        if not with_retained:
            handling = SubscribeOptions.RETAIN_DO_NOT_SEND
        client.subscribe(topic, options=SubscribeOptions(qos=1, retainHandling=handling))
        assert subscribed.wait(10)

        def following(limit: float) -> paho.MQTTMessage:
            try:
                return messages.get(timeout=limit)
            except Empty:
                raise AssertionError(f"nothing came on {topic} in {limit:g} s") from None

        try:
            yield following
        finally:
            client.disconnect()
            client.loop_stop()

    def answers(self) -> bool:
        """Whether it lets clients in."""
        probe = ["mosquitto_pub", "-p", str(self.port), "-t", "probe", "-n"]
        return subprocess.run(probe, capture_output=True, check=False, timeout=10).returncode == 0
