"""A headless Chromium that opens Home Assistant's pages and takes pictures of them."""

import base64
import json
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

from tests.homeassistant.harness.client import wait_until
from tests.homeassistant.harness.websocket import WebSocket
from tests.machine import free_port

_LIMIT = 30.0
_SETTLED = 3.0  # animations, icons and pictures that load

_IS_READY = """(() => {
    const app = document.querySelector('home-assistant');
    return !!(app && app.hass && app.hass.connected && Object.keys(app.hass.states).length);
})()"""


class Browser:
    """One browser window, logged in to one Home Assistant."""

    def __init__(self, folder: Path, url: str, token: str) -> None:
        """Start a Chromium with an empty profile in `folder`."""
        self._url = url
        port = free_port()
        self._process = subprocess.Popen(
            [
                *("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"),
                *("--hide-scrollbars", "--mute-audio", "--disable-background-networking"),
                "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
                f"--remote-debugging-port={port}",
                "--remote-allow-origins=*",
                f"--user-data-dir={folder}",
                "about:blank",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        (page,) = wait_until(lambda: _pages(port), "the browser", _LIMIT)
        self._socket = WebSocket(page["webSocketDebuggerUrl"], _LIMIT)
        self._last_id = 0
        tokens = {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": 10**9,
            "expires": int(time.time() * 1000) + 10**12,
            "refresh_token": "",
            "hassUrl": url,
            "clientId": f"{url}/",
        }
        log_in = f"localStorage.setItem('hassTokens', {json.dumps(json.dumps(tokens))});"
        self._do("Page.enable")
        self._do("Page.addScriptToEvaluateOnNewDocument", source=log_in)

    def close(self) -> None:
        """End the browser."""
        self._socket.close()
        self._process.terminate()
        self._process.wait(10)

    def look(self, *, width: int, height: int, is_dark: bool = False) -> None:
        """Be a screen of this size, in pixels; below 600 wide, a phone."""
        self._do(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1 if width > 600 else 2,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
        self._do("Emulation.setEmulatedMedia", features=[scheme])

    def open(self, path: str) -> None:
        """Open a page and wait until it shows the states."""
        self._do("Page.navigate", url=self._url + path)
        wait_until(lambda: self.evaluate(_IS_READY), f"the page {path}", _LIMIT)
        time.sleep(_SETTLED)

    def evaluate(self, script: str) -> Any:
        """The value of a JavaScript expression in the page."""
        found = self._do("Runtime.evaluate", expression=script, returnByValue=True)
        return found["result"].get("value")

    def take(self, path: Path) -> None:
        """Keep what the window shows as a PNG."""
        picture = self._do("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(picture["data"]))

    def _do(self, method: str, **params: object) -> Any:
        self._last_id += 1
        self._socket.send(json.dumps({"id": self._last_id, "method": method, "params": params}))
        while True:
            answer = json.loads(self._socket.receive(_LIMIT))
            if answer.get("id") == self._last_id:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]


def _pages(port: int) -> list[Any]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=5) as answer:
            found = json.load(answer)
    except OSError:
        return []
    return [page for page in found if page["type"] == "page"]
