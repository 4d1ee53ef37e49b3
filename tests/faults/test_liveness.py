"""Loops that hang or die: the process ends and says why, and the session goes on."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import invariants
from tests.faults.hanging import broken
from tests.faults.observer import Observer
from tests.faults.stack import Program, Stack, wait_for

HANGS = 3.0
"""Seconds without progress after which these programs are given up; 60 outside of tests."""
STUCK = 8.0
"""The same of the shutter, which is judged by the clock: longer than a machine stands still."""
_VIGIL = (f"cinepi.vigil.LIMIT={HANGS}", "cinepi.vigil.TURN=0.5", "cinepi.vigil.PERIOD=0.2")
_LIMITS = {
    "service": (*_VIGIL, f"cinepi.service.monitor.STUCK_AFTER={STUCK}"),
    "daemon": (
        *_VIGIL,
        f"cinepid.commands._dispatch.HANGS_AFTER={HANGS - 30}",  # the question itself may take 30 s
        f"cinepid.commands._delivery.ANSWER_HANGS={HANGS}",
    ),
}

SERVICE = {
    "main": "apscheduler.schedulers.blocking.BlockingScheduler.wakeup",
    "monitor": "cinepi.service.monitor.Monitor._look",
    "shutter": "cinepi.timing.shutter.Shutter._take_slot",
    "server": "cinepi.service.server.Server._greet",
    "connection": "cinepi.service.server.Connection._receive",
    "health.get": "cinepi.service.health.check",
    "watcher": "cinepi.service.board.Subscription.wait",
    "calendar": "apscheduler.jobstores.memory.MemoryJobStore.get_due_jobs",
}
"""What the camera service lives by, as its log names it, and what in it is made to fail."""
DAEMON = {
    "camera service": "cinepid.camera_service.CameraService._reacts",
    "uplink": "cinepid.uplink.Uplink._attempt",
    "state": "cinepid.publishers.state.RetainedState._publish",
    "events": "cinepid.publishers.events.Events._drain",
    "delivery": "cinepid.pulse.Pulse.rest:delivery",
    "mirror": "cinepid.pulse.Pulse.rest:mirror",
    "image": "cinepid.publishers.image.Image._show",
    "health": "cinepid.pulse.Pulse.rest:health",
    "presence": "cinepid.pulse.Pulse.rest:presence",
    "discovery": "cinepid.pulse.Pulse.rest:discovery",
    "heap": "cinepid.pulse.Pulse.rest:heap",
    "command session/get": "cinepid.commands._contract.Context.call",
    "answer": "cinepid.commands._answer.Sender.send",
}
"""The same of the daemon."""
DEADLY = ("monitor", "shutter", "server", "uplink", "state")
"""Some of them raise, too; what answers a question must not end by an error of its own."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A device with a session, on which one program after the other is broken."""
    stack = Stack(tmp_path_factory.mktemp("liveness"))
    stack.start()
    yield stack
    stack.close()


@pytest.fixture(scope="module")
def observer(stack: Stack) -> Iterator[Observer]:
    """Somebody who hears everything, and judges in the end: nothing was lost.

    After all that the tests here have done to the device, every slot, event, command and file must
    be accounted for. It is no test of its own, since tests that run beside each other are divided
    among several devices.
    """
    observer = Observer(stack.port)
    try:
        observer.await_document("camera", lambda found: found["connected"])
        assert observer.ask("session/start", interval=1)["success"]
        yield observer
        stopped = observer.ask("session/stop")
        assert stopped["success"], stopped
        assert invariants.problems(stack, observer) == []
    finally:
        observer.close()


def _await_picture(stack: Stack, observer: Observer) -> None:
    """Wait for a picture that is taken from now on."""
    now = time.monotonic()
    wait_for(
        lambda: any(e["heard_at"] > now for e in observer.of_type("capture_stored")),
        why=stack.stderr,
    )


def _poke(stack: Stack, observer: Observer, loop: str) -> None:
    """Give a loop something to do that turns only when there is."""
    if loop == "server":
        _say_to_service(stack, b"")
    elif loop == "health.get":
        _say_to_service(stack, b'{"jsonrpc":"2.0","id":1,"method":"health.get","params":{}}\n')
    elif loop == "uplink":
        stack.broker.kill()
        stack.start_broker()
    elif loop in ("command session/get", "answer"):
        observer.send("session/get")


def _say_to_service(stack: Stack, line: bytes) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as visitor:
        visitor.connect(str(stack.layout.socket))
        visitor.sendall(line)


def _break(stack: Stack, observer: Observer, name: str, loop: str, how: str) -> None:
    """Let one loop fail, start the program again as systemd does, and judge."""
    flag = stack.root / "broken"
    place = {"service": SERVICE, "daemon": DAEMON}[name][loop]
    whole: Program = getattr(stack, name)
    whole.terminate()
    program = broken(stack, name, place, how, flag, *_LIMITS[name])
    program.start()
    try:
        _await_picture(stack, observer)
        flag.touch()
        _poke(stack, observer, loop)
        began = time.monotonic()
        code = program.await_end()
        print(f"{loop}: ended with {code} after {time.monotonic() - began:.1f} s")
    finally:
        flag.unlink(missing_ok=True)
        program.kill()
        whole.start()
    assert code in (1, 70, 75)
    _await_picture(stack, observer)


def _log(stack: Stack, name: str) -> str:
    path: Path = stack.layout.log if name == "service" else stack.layout.daemon_log
    return path.read_text()


@pytest.mark.parametrize(
    ("name", "loop"),
    [*(("service", loop) for loop in SERVICE), *(("daemon", loop) for loop in DAEMON)],
)
def test_a_loop_that_hangs_ends_the_process(
    stack: Stack, observer: Observer, name: str, loop: str
) -> None:
    """The log names the loop, and the session goes on."""
    before = len(_log(stack, name))
    _break(stack, observer, name, loop, "hang")
    said = _log(stack, name)[before:].splitlines()
    assert any("giving up" in line and loop in line for line in said)


@pytest.mark.parametrize("loop", DEADLY)
def test_a_loop_that_dies_ends_the_process(stack: Stack, observer: Observer, loop: str) -> None:
    """The log has the reason, and the session goes on."""
    name = "service" if loop in SERVICE else "daemon"
    before = len(_log(stack, name))
    _break(stack, observer, name, loop, "raise")
    assert "made to fail" in _log(stack, name)[before:]


def test_a_daemon_whose_only_thread_is_stuck_ends(stack: Stack, observer: Observer) -> None:
    """All its loops stand still with it."""
    before = len(_log(stack, "daemon"))
    _break(stack, observer, "daemon", "events", "block")
    assert "no progress of" in _log(stack, "daemon")[before:]


@pytest.mark.parametrize("name", ["service", "daemon"])
def test_nobody_feeds_the_watchdog_when_the_vigil_itself_hangs(
    stack: Stack, observer: Observer, tmp_path: Path, name: str
) -> None:
    """Then it is systemd that ends the process."""
    whole: Program = getattr(stack, name)
    whole.terminate()
    flag = stack.root / "broken"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        told = str(tmp_path / "notify")
        place = "cinepi.vigil.Vigil.late"
        program = broken(stack, name, place, "hang", flag, *_LIMITS[name], NOTIFY_SOCKET=told)
        program.start()
        try:
            systemd.settimeout(30)
            while systemd.recv(100) != b"WATCHDOG=1":
                pass
            flag.touch()
            systemd.settimeout(2)  # ten times the period
            assert _is_silent(systemd)
            assert program.is_running
        finally:
            flag.unlink(missing_ok=True)
            program.kill()
            whole.start()
    _await_picture(stack, observer)


def _is_silent(systemd: socket.socket) -> bool:
    """Whether nothing more comes, after the few that may have been on the way."""
    try:
        for _ in range(20):
            systemd.recv(100)
    except TimeoutError:
        return True
    return False
