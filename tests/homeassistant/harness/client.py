"""A client of Home Assistant's API: REST for states and actions, else WebSocket."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import urlencode

from tests.homeassistant.harness.websocket import WebSocket

T = TypeVar("T")

_LIMIT = 30.0
_POLL = 0.02
_IDLE = 20.0
"""Home Assistant hangs up on who does not answer its pings, which come twice a minute."""

_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # it is on this machine


class ApiError(Exception):
    """Home Assistant said no."""


def wait_until(question: Callable[[], T], what: str, limit: float = 15.0) -> T:
    """Ask until the answer is something true, and return it; fails after `limit` seconds."""
    deadline = time.monotonic() + limit
    while not (answer := question()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {limit:g} s in vain for {what}")
        time.sleep(_POLL)
    return answer


class Client:
    """One Home Assistant; `token` may be set later."""

    def __init__(self, url: str, token: str = "") -> None:
        """Talk to the Home Assistant at `url`, such as `http://127.0.0.1:8123`."""
        self.url = url
        self.token = token
        self._socket: WebSocket | None = None
        self._last_id = 0
        self._asked_at = 0.0

    # ---- REST

    def request(
        self, method: str, path: str, body: object = None, form: dict[str, str] | None = None
    ) -> bytes:
        """One request; raises ApiError with what Home Assistant says."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        data = None
        if form is not None:
            data = urlencode(form).encode()
        elif body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(self.url + path, data, headers, method=method)  # noqa: S310
        try:
            with _opener.open(request, timeout=_LIMIT) as answer:
                content: bytes = answer.read()
                return content
        except urllib.error.HTTPError as error:
            with error:
                said = error.read()[:500]
            raise ApiError(f"{method} {path}: {error.code} {said!r}") from error

    def get(self, path: str) -> Any:
        """What lies at `path`, as JSON."""
        return json.loads(self.request("GET", path))

    def post(self, path: str, body: object) -> Any:
        """Post JSON, get JSON."""
        return json.loads(self.request("POST", path, body))

    def states(self) -> dict[str, Any]:
        """Every state, by entity id."""
        return {state["entity_id"]: state for state in self.get("/api/states")}

    def state(self, entity_id: str) -> Any:
        """One state with its attributes; None if there is none."""
        try:
            return self.get(f"/api/states/{entity_id}")
        except ApiError as error:
            if str(HTTPStatus.NOT_FOUND.value) in str(error):
                return None
            raise

    def value(self, entity_id: str) -> str | None:
        """One state without anything else."""
        state = self.state(entity_id)
        return state["state"] if state else None

    def call(self, action: str, entity_id: str | None = None, **data: object) -> None:
        """Do what a person would do with a click: `switch.turn_on` and the like."""
        target = {"entity_id": entity_id} if entity_id else {}
        self.post(f"/api/services/{action.replace('.', '/', 1)}", target | data)

    def picture(self, entity_id: str) -> bytes:
        """The bytes that the frontend would show for a camera or an image."""
        return self.request("GET", f"/api/{entity_id.partition('.')[0]}_proxy/{entity_id}")

    def wait_for(self, entity_id: str, value: str, limit: float = 15.0) -> Any:
        """Wait for a state, and return it with its attributes."""

        def question() -> Any:
            state = self.state(entity_id)
            return state if state and state["state"] == value else None

        return wait_until(question, f"{entity_id} to be {value}", limit)

    # ---- WebSocket

    def ask(self, kind: str, **arguments: object) -> Any:
        """One WebSocket command."""
        if time.monotonic() - self._asked_at > _IDLE:
            self.close()
        if self._socket is None:
            self._socket = self._connect()
        self._asked_at = time.monotonic()
        self._last_id += 1
        self._socket.send(json.dumps({"id": self._last_id, "type": kind, **arguments}))
        while True:
            for message in self._messages(self._socket, _LIMIT):
                if message.get("id") == self._last_id and message["type"] == "result":
                    if not message["success"]:
                        raise ApiError(f"{kind}: {message['error']}")
                    return message["result"]

    @contextmanager
    def listening(self, **subscription: object) -> Iterator[Callable[[float], Any]]:
        """Subscribe; the block gets a function that waits for the next event."""
        socket = self._connect()
        try:
            socket.send(json.dumps({"id": 1, **subscription}))
            (answer,) = self._messages(socket, _LIMIT)
            if not answer.get("success"):
                raise ApiError(str(answer))

            def following(limit: float = _LIMIT) -> Any:
                return json.loads(socket.receive(limit))["event"]

            yield following
        finally:
            socket.close()

    def close(self) -> None:
        """Hang up; the next question connects again."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def entities(self) -> list[Any]:
        """The registry of entities, of the MQTT integration only."""
        entities = self.ask("config/entity_registry/list")
        return [entity for entity in entities if entity["platform"] == "mqtt"]

    def device(self, identifier: str) -> Any:
        """A device of the registry by its MQTT identifier; None if there is none."""
        for device in self.ask("config/device_registry/list"):
            if ["mqtt", identifier] in device["identifiers"]:
                return device
        return None

    def _connect(self) -> WebSocket:
        socket = WebSocket(self.url.replace("http", "ws", 1) + "/api/websocket", _LIMIT)
        socket.receive(_LIMIT)
        socket.send(json.dumps({"type": "auth", "access_token": self.token}))
        if json.loads(socket.receive(_LIMIT))["type"] != "auth_ok":
            raise ApiError("the token is not taken")
        return socket

    @staticmethod
    def _messages(socket: WebSocket, limit: float) -> list[Any]:
        message = json.loads(socket.receive(limit))
        return message if isinstance(message, list) else [message]
