"""A client on the camera's socket that reads, but hardly: it is hung up on, and that is all."""

import json
import socket
import time
from pathlib import Path

from tests.faults.hanging import broken
from tests.faults.observer import Observer
from tests.faults.stack import Stack

_LIMITS = (
    "cinepi.vigil.LIMIT=8",
    "cinepi.vigil.TURN=0.5",
    "cinepi.vigil.PERIOD=0.2",
    "cinepi.service.server.SEND_LIMIT=1",
)
_QUESTIONS = 20
_SIP = 4000
PACE = 0.05
"""Seconds from sip to sip: an answer takes more than a second, and all of them a minute."""


def test_a_client_that_reads_slowly_is_hung_up_on(tmp_path: Path) -> None:
    """It gets a part of what it asked for; the process lives, and pictures go on."""
    stack = Stack(tmp_path)
    place = "cinepi.service.app.run"
    stack.service = broken(stack, "service", place, "raise", tmp_path / "never", *_LIMITS)
    stack.programs = (stack.daemon, stack.service, stack.broker)
    stack.start()
    observer = Observer(stack.port)
    try:
        observer.await_document("camera", lambda found: found["connected"])
        name = observer.data("snapshot/take")["filename"]
        pid = stack.service.pid
        line = {"jsonrpc": "2.0", "id": 1, "method": "captures.read", "params": {"filename": name}}
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as reader:
            reader.connect(str(stack.layout.socket))
            reader.settimeout(5)
            reader.sendall((json.dumps(line).encode() + b"\n") * _QUESTIONS)
            sipped = _sip(reader)
        print(f"hung up after {sipped} bytes")
        assert 0 < sipped < _QUESTIONS * (stack.layout.captures / name).stat().st_size
        assert observer.ask("snapshot/take")["success"]
        assert stack.service.pid == pid
    finally:
        observer.close()
        stack.close()


def _sip(reader: socket.socket) -> int:
    """Read slowly until the service hangs up; returns how much came."""
    sipped = 0
    try:
        while some := reader.recv(_SIP):
            sipped += len(some)
            time.sleep(PACE)  # the fault itself
    except OSError:
        return sipped
    return sipped
