"""`cinepictl` as an operator runs it, and devices that misbehave."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

LIMIT = 40.0


class Result(NamedTuple):
    """What a run of the program left."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its output, where that is JSON."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """Its output, where that is one JSON object a line."""
        return [json.loads(line) for line in self.out.splitlines()]


class Ctl:
    """The program, with a broker."""

    def __init__(self, port: int, home: Path) -> None:
        """Use this broker, and a home folder of its own."""
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("CINEPICTL")},
            "CINEPICTL_BROKER": f"127.0.0.1:{port}",
            "XDG_CONFIG_HOME": str(home / "config"),
            "XDG_CACHE_HOME": str(home / "cache"),
            "TERM": "xterm-256color",
        }

    def __call__(self, *words: str, **more: str) -> Result:
        """Run it to its end, in a pipe, without anybody to ask."""
        found = subprocess.run(
            self.command(*words),
            env={**self.environment, **more},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT,
        )
        assert "Traceback" not in found.stderr
        return Result(found.returncode, found.stdout, found.stderr)

    def ok(self, *words: str, **more: str) -> Result:
        """Run it and expect that all is well."""
        result = self(*words, **more)
        assert result.code == 0, result
        return result

    def command(self, *words: str) -> list[str]:
        """The command line."""
        return [sys.executable, "-m", "cinepid.ctl", *words]

    def again(self, result: Result) -> Result:
        """Run what the last line of a result suggests."""
        found = re.findall(r"cinepictl (.*)", result.err)
        return self(*found[-1].split())


class Stranger:
    """An MQTT client that can be anything: a broken device, a vandal, another tool."""

    def __init__(self, port: int) -> None:
        """Connect."""
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        self._subscribed = threading.Event()
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def close(self) -> None:
        """Leave."""
        self._client.disconnect()
        self._client.loop_stop()

    def say(self, topic: str, content: object, *, retain: bool = True) -> None:
        """Publish, and wait until the broker has it."""
        payload = content if isinstance(content, bytes) else json.dumps(content)
        self._client.publish(topic, payload, 1, retain).wait_for_publish(LIMIT)

    def be_online(self, device: str, **status: object) -> None:
        """Pretend to be a device."""
        content = {"state": "online", "at": "2026-01-01T00:00:00Z", "boot": "x", "seq": 1, **status}
        self.say(f"cinepi/{device}/status", content)

    def answer(self, device: str, command: str, how: Callable[[dict[str, Any]], None]) -> None:
        """Call `how` with each command of this name to the device, or to all."""

        def hear(_client: object, _data: object, message: paho.MQTTMessage) -> None:
            threading.Thread(
                target=how, args=(json.loads(message.payload),), name="answer", daemon=True
            ).start()

        self._client.on_message = hear
        self._subscribed.clear()
        topics = [f"cinepi/{device}/cmd/{command}", f"cinepi/_all/cmd/{command}"]
        self._client.subscribe([(topic, 1) for topic in topics])
        assert self._subscribed.wait(LIMIT)
