"""A Home Assistant of our own: a folder, and a process in the root built for it."""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

from tests.homeassistant.harness.client import ApiError, Client, wait_until
from tests.machine import free_port

_PRIVATE_MOUNTS = ("unshare", "--mount", "--propagation", "private", "--")
_START_LIMIT = 120.0

_CONFIGURATION = """\
homeassistant:
  name: Test home
  latitude: 52.1
  longitude: 5.2
  elevation: 0
  unit_system: metric
  currency: EUR
  country: NL
  language: en
  time_zone: UTC
  packages: !include_dir_named packages
automation: !include automations.yaml
script: !include scripts.yaml
frontend:
history:
logbook:
sun:
recorder:
  commit_interval: 1
logger:
  default: warning
"""

_ENTER = """\
mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && mount --bind "$1" "$0/config" &&
exec chroot "$0" env -i HOME=/config PATH=/srv/ha/bin:/usr/bin:/bin LANG=C.UTF-8 TZ=UTC \
    /srv/ha/bin/python -m homeassistant -c /config --skip-pip --log-no-color
"""


class Instance:
    """One Home Assistant, which keeps what it knows in `folder` over restarts."""

    def __init__(self, root: Path, folder: Path, broker_port: int, *, protocol: str = "5") -> None:
        """Prepare; `start` does the rest. `protocol` is that of MQTT: `5` or `3.1.1`."""
        self.config = folder / "config"
        self.log = folder / "homeassistant.log"
        self._root = root
        self._port = free_port()
        self._broker_port = broker_port
        self._protocol = protocol
        self._process: subprocess.Popen[bytes] | None = None
        self._mark = 0
        self.client = Client(f"http://127.0.0.1:{self._port}")

    def start(self) -> None:
        """Start and wait until it has its broker; a few seconds."""
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self) -> None:
        if not self.config.exists():
            self._write_configuration()
        (self._root / "config").mkdir(exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*_PRIVATE_MOUNTS, "sh", "-c", _ENTER, str(self._root), str(self.config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        if not self.client.token:
            wait_until(lambda: self._answers("/api/onboarding"), "onboarding", _START_LIMIT)
            self._onboard()
        wait_until(self._is_running, "Home Assistant to run", _START_LIMIT)
        if not self.client.ask("config_entries/get", domain="mqtt"):
            self._add_broker()
        wait_until(
            lambda: self.client.ask("config_entries/get", domain="mqtt")[0]["state"] == "loaded",
            "the MQTT integration",
        )

    def stop(self) -> None:
        """Stop it as systemd would, and wait for its end."""
        self.client.close()
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
            self._process = None

    def restart(self) -> None:
        """Stop and start, with all it knows."""
        self.stop()
        self.start()

    def complaints(self) -> list[str]:
        """Lines at WARNING or above since the last call, except the harness's own."""
        text = self.log.read_text(errors="replace")
        new, self._mark = text[self._mark :], len(text)
        return [
            line
            for line in new.splitlines()
            if (" WARNING " in line or " ERROR " in line or " CRITICAL " in line)
            and not any(known in line for known in _KNOWN)
        ]

    def _write_configuration(self) -> None:
        storage = self.config / ".storage"
        storage.mkdir(parents=True)
        (self.config / "packages").mkdir()
        (self.config / "configuration.yaml").write_text(_CONFIGURATION)
        (self.config / "automations.yaml").write_text("[]\n")
        (self.config / "scripts.yaml").write_text("{}\n")
        # All steps but the user's are done: the others would set up cloud services.
        _store(storage / "onboarding", 4, {"done": ["core_config", "analytics", "integration"]})
        # A port in YAML is only on trial for five minutes, after which it is taken back.
        stable = {
            "server_port": self._port,
            "server_host": ["127.0.0.1"],
            "cors_allowed_origins": [],
            "login_attempts_threshold": -1,
            "ip_ban_enabled": False,
            "ssl_profile": "intermediate_v6",
            "use_x_frame_options": True,
            "created_at": "2026-01-01T00:00:00+00:00",
            "error": None,
            "error_message": None,
        }
        _store(
            storage / "http", 3, {"stable": stable, "pending": None, "yaml_migration_done": True}
        )

    def _onboard(self) -> None:
        client_id = f"{self.client.url}/"
        user = {"name": "Owner", "username": "owner", "password": "owner-password"}
        code = self.client.post(
            "/api/onboarding/users", {"client_id": client_id, "language": "en", **user}
        )["auth_code"]
        grant = {"grant_type": "authorization_code", "code": code, "client_id": client_id}
        token = json.loads(self.client.request("POST", "/auth/token", form=grant))
        self.client.token = token["access_token"]
        wait_until(self._is_running, "Home Assistant to run", _START_LIMIT)
        lasting = self.client.ask("auth/long_lived_access_token", client_name="tests", lifespan=99)
        self.client.close()
        self.client.token = lasting

    def _add_broker(self) -> None:
        flows = "/api/config/config_entries/flow"
        form = self.client.post(flows, {"handler": "mqtt"})
        answers = _filled(form["data_schema"])
        answers |= {
            "broker": "127.0.0.1",
            "port": self._broker_port,
            "protocol": self._protocol,
        }
        done = self.client.post(f"{flows}/{form['flow_id']}", answers)
        if done["type"] != "create_entry":
            raise ApiError(f"the broker is not taken: {done}")

    def _answers(self, path: str) -> bool:
        if self._process is not None and self._process.poll() is not None:
            tail = self.log.read_text(errors="replace")[-2000:]
            raise AssertionError(f"Home Assistant has ended:\n{tail}")
        try:
            self.client.get(path)
        except (OSError, ApiError, ValueError):
            return False
        return True

    def _is_running(self) -> bool:
        return self._answers("/api/config") and self.client.get("/api/config")["state"] == "RUNNING"


_KNOWN = (
    "[haffmpeg.",  # not installed, and not needed
    "Skipping pip installation",  # the root has all it needs
    # It takes the listener of a device trigger away twice when the device is withdrawn; no harm.
    "Unable to remove unknown dispatcher",
)


def _store(path: Path, version: int, data: dict[str, Any]) -> None:
    entry = {"version": version, "minor_version": 1, "key": path.name, "data": data}
    path.write_text(json.dumps(entry))


def _filled(schema: list[dict[str, Any]]) -> dict[str, Any]:
    """A form of the set-up with what it suggests."""
    answers: dict[str, Any] = {}
    for field in schema:
        suggested = (field.get("description") or {}).get("suggested_value")
        if "schema" in field:
            answers[field["name"]] = _filled(field["schema"])
        elif field.get("default") is not None:
            answers[field["name"]] = field["default"]
        elif suggested is not None:
            answers[field["name"]] = suggested
        elif field.get("required"):
            answers |= _first_choice(field["name"], field.get("selector", {}))
    return answers


def _first_choice(name: str, selector: dict[str, Any]) -> dict[str, Any]:
    """What a required field without a suggestion gets: no, or the first option."""
    if "boolean" in selector:
        return {name: False}
    if "select" in selector:
        first = selector["select"]["options"][0]
        return {name: first["value"] if isinstance(first, dict) else first}
    return {}
