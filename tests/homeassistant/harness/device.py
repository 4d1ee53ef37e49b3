"""A device as it is sold: camera service and daemon as two processes below one folder."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import yaml

from cinepi.paths import Layout
from tests.homeassistant.harness.broker import Broker
from tests.homeassistant.harness.client import wait_until

_REPOSITORY = Path(__file__).parents[3]
_ONLINE_LIMIT = 20.0


class Device:
    """A simulated camera with all of its software."""

    def __init__(self, folder: Path, broker: Broker, name: str = "garden") -> None:
        """Prepare; `start` does the rest. Its topics begin with `cinepi/NAME/`."""
        self.name = name
        self.layout = Layout(folder)
        self.configuration: dict[str, dict[str, object]] = {
            "device": {"id": name, "name": "Garden camera", "area": "Garden"},
            "broker": {"host": "127.0.0.1", "port": broker.port},
        }
        self._broker = broker
        self._service: subprocess.Popen[bytes] | None = None
        self._daemon: subprocess.Popen[bytes] | None = None

    @property
    def config_topic(self) -> str:
        """Where it is announced."""
        return f"homeassistant/device/{self.name}/config"

    def topic(self, rest: str) -> str:
        """One of its topics."""
        return f"cinepi/{self.name}/{rest}"

    def start(self) -> None:
        """Start both, and wait until the broker says that it is online."""
        self.start_service()
        self.start_daemon()

    def stop(self) -> None:
        """Stop both."""
        self.stop_daemon()
        self.stop_service()

    def start_service(self) -> None:
        """Start the camera service, small pictures if it has no configuration yet."""
        if not self.layout.config.exists():
            self.layout.config.parent.mkdir(parents=True)
            settings = {"backend": "simulated", "resolution": "1280x720"}
            self.layout.config.write_text(yaml.safe_dump({"camera": settings}))
        self._service = self._run("cinepi.service", "--root", str(self.layout.root))

    def stop_service(self) -> None:
        """Stop the camera service."""
        _end(self._service)
        self._service = None

    def start_daemon(self) -> float:
        """Start the daemon; returns when it was seen online, on the monotonic clock."""
        self.layout.daemon_config.write_text(yaml.safe_dump(self.configuration))
        self._daemon = self._run("cinepid", "run", "--root", str(self.layout.root))
        wait_until(self.is_online, f"{self.name} to be online", _ONLINE_LIMIT)
        return time.monotonic()

    def stop_daemon(self) -> None:
        """Stop the daemon."""
        _end(self._daemon)
        self._daemon = None

    def kill_daemon(self) -> None:
        """End the daemon without a chance to say goodbye."""
        if self._daemon is not None:
            self._daemon.kill()
            self._daemon.wait()
            self._daemon = None

    def is_online(self) -> bool:
        """Whether the broker's retained status says so."""
        status = self._broker.retained(self.topic("status"))
        return bool(status) and msgspec.json.decode(status)["state"] == "online"

    def _run(self, module: str, *arguments: str) -> subprocess.Popen[bytes]:
        environment = os.environ | {"PYTHONPATH": str(_REPOSITORY)}
        log = self.layout.root / f"{module}.output"
        with log.open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )


def _end(process: subprocess.Popen[bytes] | None) -> None:
    if process is not None:
        process.send_signal(signal.SIGTERM)
        process.wait(20)
