"""Loops that stop: the process ends and says why, and the session goes on in the next one."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cinepi.clock import CLOCK_VARIABLE
from cinepi.paths import ROOT_VARIABLE
from tests.faults import invariants
from tests.faults.observer import Observer
from tests.faults.stack import LIMIT, Stack, wait_for

LOOPS = {
    "monitor": "cinepi.service.monitor.Monitor._look",
    "shutter": "cinepi.timing.shutter.Shutter._take_slot",
    "server": "cinepi.service.server.Server._greet",
}
"""A loop of the camera service, and what in it is made to raise."""

_DRIVER = """
import sys, threading, time
from importlib import import_module
place, after = sys.argv[1], float(sys.argv[2])
module, name, method = place.rsplit(".", 2)
kind = getattr(import_module(module), name)
whole = getattr(kind, method)
due = time.monotonic() + after
def broken(*given):
    if time.monotonic() > due:
        raise RuntimeError("made to fail")
    return whole(*given)
setattr(kind, method, broken)
from cinepi.clock import system_clock
from cinepi.paths import Layout
from cinepi.service.app import run
run(Layout.find())
"""


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """A device whose camera service is not started yet."""
    stack = Stack(tmp_path)
    stack.start_broker()
    stack.daemon.start()
    yield stack
    stack.close()


@pytest.mark.parametrize("loop", LOOPS)
def test_a_loop_that_dies_ends_the_process(stack: Stack, loop: str) -> None:
    """The log names the loop, and the next start goes on with the session."""
    observer = Observer(stack.port)
    environment = {
        ROOT_VARIABLE: str(stack.root),
        CLOCK_VARIABLE: str(stack.root / "clock.json"),
        "PYTHONPATH": ":".join(sys.path),
    }
    with subprocess.Popen(
        [sys.executable, "-c", _DRIVER, LOOPS[loop], "5"],
        env=environment,
        stderr=subprocess.PIPE,
    ) as service:
        try:
            observer.await_document("camera", lambda found: found["connected"])
            assert observer.ask("session/start", interval=1)["success"]
            wait_for(lambda: observer.of_type("capture_stored"))
            if loop == "server":  # its loop turns when somebody comes
                stack.daemon.kill()
                stack.daemon.start()
                wait_for(lambda: _knock(stack) or service.poll() is not None)
            assert service.wait(LIMIT) == 1
        finally:
            service.kill()
    assert f'"loop":"{loop}"' in stack.layout.log.read_text().replace(" ", "")
    died = time.monotonic()
    stack.service.start()
    wait_for(
        lambda: any(e["heard_at"] > died for e in observer.of_type("capture_stored")),
        why=stack.stderr,
    )
    assert observer.ask("session/stop")["success"]
    assert invariants.problems(stack, observer) == []
    observer.close()


def _knock(stack: Stack) -> bool:
    """Connect to the service until it is gone."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as visitor:
        try:
            visitor.connect(str(stack.layout.socket))
        except OSError:
            return True
    return False
