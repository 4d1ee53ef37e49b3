import json
import os
import pty
import re
import select
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from cinepi.paths import Layout
from tests.machine import free_port
from tests.service.demo.program import LIMIT_S, Running, Start
from tests.service.running import wait_for

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def demo(start: Start, tmp_path: Path) -> Callable[..., Running]:
    """Starts demos in one folder, in a pipe."""

    def start_demo(*options: str, root: Path = tmp_path) -> Running:
        return start("-m", "cinepid", "demo", "--root", str(root), *options)

    return start_demo


@pytest.fixture
def port() -> str:
    """A port on which nothing listens."""
    return str(free_port())


def test_a_demo_takes_pictures_and_ends_on_ctrl_c(
    demo: Callable[..., Running],
    port: str,
    tmp_path: Path,
    children_of: Callable[[int], list[int]],
    has_ended: Callable[[int], bool],
) -> None:
    """One command: broker, service and daemon run, a session takes light pictures, all ends."""
    running = demo("--port", port, "--interval", "1")
    assert "mosquitto" in running.line_with(f"127.0.0.1:{port}")
    running.line_with("the device is online")
    assert "frame" in running.line_with("capture_stored")
    assert "1920x1080" in running.line_with("capture_stored")
    assert len(list(Layout(tmp_path).captures.glob("cinepi_*.jpg"))) >= 2
    children = children_of(running.process.pid)
    assert len(children) == 3
    assert running.end(signal.SIGINT) == 0
    assert all(has_ended(child) for child in children)
    running.line_with("the device is offline (shutdown)")


def test_the_hints_work_as_they_stand(demo: Callable[..., Running], port: str) -> None:
    """What the demo says to try in another terminal does what it says."""
    running = demo("--port", port, "--no-session")
    watch = shlex.split(running.line_with("mosquitto_sub"))
    snapshot = shlex.split(running.line_with("mosquitto_pub"))
    settings = shlex.split(running.line_with("mosquitto_pub"))
    running.line_with("the device is online")
    with subprocess.Popen(watch, stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout
        subprocess.run(settings, check=True, timeout=LIMIT_S)
        running.line_with("answer to camera/set")
        subprocess.run(snapshot, check=True, timeout=LIMIT_S)
        heard = ""
        while "capture_stored" not in heard:
            heard = watching.stdout.readline()
            assert heard
        watching.terminate()
    topic, _, payload = heard.partition(" ")
    assert topic == "cinepi/demo/event/capture_stored"
    assert json.loads(payload)["kind"] == "snapshot"


def test_a_second_start_goes_on_where_the_first_was_killed(
    demo: Callable[..., Running],
    port: str,
    tmp_path: Path,
    children_of: Callable[[int], list[int]],
    has_ended: Callable[[int], bool],
) -> None:
    """After kill -9 nothing is left running; the next start resumes session and pictures."""
    first = demo("--port", port, "--interval", "30")
    first.line_with("capture_stored")
    children = children_of(first.process.pid)
    assert first.end(signal.SIGKILL) == -signal.SIGKILL
    assert all(has_ended(child) for child in children)
    kept = {path.name for path in Layout(tmp_path).captures.glob("cinepi_*.jpg")}
    second = demo("--port", port)
    assert "every 30 s" in second.line_with("the session of last time goes on")
    second.line_with("  capture_stored  snapshot")
    assert kept < {path.name for path in Layout(tmp_path).captures.glob("cinepi_*.jpg")}


def test_what_dies_is_started_again(
    demo: Callable[..., Running], port: str, children_of: Callable[[int], list[int]]
) -> None:
    """Each of the three may be killed; pictures go on."""
    running = demo("--port", port, "--interval", "1")
    running.line_with("capture_stored")
    for child, name in _by_name(children_of(running.process.pid)).items():
        os.kill(child, signal.SIGKILL)
        running.line_with(f"{name} was ended by signal 9; it starts again in ")
        running.line_with("capture_stored")


def test_a_service_of_a_command_line_makes_room(
    demo: Callable[..., Running],
    start: Start,
    port: str,
    tmp_path: Path,
    has_ended: Callable[[int], bool],
) -> None:
    """The demo has a service of its own, with which the pictures end too."""
    command = ("-m", "cinepi.timing", "--root", str(tmp_path), "start", "--interval", "1")
    start(*command).line_with("Session started")
    stray = wait_for(lambda: listener(tmp_path))
    running = demo("--port", port)
    running.line_with("a camera service that a command line had started makes room")
    assert has_ended(stray)
    own = wait_for(lambda: listener(tmp_path))
    assert running.end(signal.SIGINT) == 0
    assert has_ended(own)
    assert not any("ended with exit code" in line for line in running.lines)


def listener(root: Path) -> int:
    """The process of the camera service below `root`; 0 while none listens."""
    with closing(socket.socket(socket.AF_UNIX)) as connection:
        if connection.connect_ex(str(Layout(root).socket)):
            return 0
        found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    return int.from_bytes(found[:4], sys.byteorder)


def test_a_busy_port_is_a_clear_error(demo: Callable[..., Running]) -> None:
    """A port that was asked for and is taken: one line, exit code 1, nothing started."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        busy = server.getsockname()[1]
        running = demo("--port", str(busy))
        running.line_with(f"port {busy} is in use by another program")
        assert running.process.wait(LIMIT_S) == 1
    assert len(running.lines) == 1


@pytest.mark.parametrize(
    ("interval", "words"),
    [("0", "between 1 and 3600, not 0"), ("nan", "not NaN"), ("x", "must be a number, not 'x'")],
)
def test_a_wrong_interval_is_a_clear_error(
    demo: Callable[..., Running], interval: str, words: str
) -> None:
    """It is refused before anything is started."""
    running = demo("--interval", interval)
    running.line_with(words)
    assert running.process.wait(LIMIT_S) == 2


def test_two_demos_in_one_folder_are_a_clear_error(
    demo: Callable[..., Running], port: str, tmp_path: Path
) -> None:
    """The second one says that there is a first, and where."""
    demo("--port", port, "--no-session").line_with("the device is online")
    second = demo()
    assert str(tmp_path) in second.line_with("a demo runs already")
    assert second.process.wait(LIMIT_S) == 1


def test_sigterm_is_as_good_as_ctrl_c(
    demo: Callable[..., Running], port: str, children_of: Callable[[int], list[int]]
) -> None:
    """Also while everything is still starting."""
    running = demo("--port", port)
    wait_for(lambda: children_of(running.process.pid))
    assert running.end(signal.SIGTERM) == 0


def test_on_a_terminal_the_state_stays_in_sight(port: str, tmp_path: Path) -> None:
    """A panel says how it stands; Ctrl-C ends the demo and gives the terminal back as it was."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "cinepid", "demo", "--root", str(tmp_path), "--port", port]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    running = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
    )
    os.close(theirs)
    shown = _read_until(ours, b"1 frame, next in")
    assert b"\x1b[?25l" in shown  # hides the cursor
    os.killpg(running.pid, signal.SIGINT)  # as the terminal does on Ctrl-C
    assert b"\x1b[?25h" in _read_until(ours, b"\x1b[?25h")  # shows it again
    assert running.wait(LIMIT_S) == 0
    os.close(ours)


@pytest.mark.alone
def test_the_first_picture_is_there_soon(demo: Callable[..., Running], port: str) -> None:
    """A person who starts the demo sees something happen within seconds, on later starts too."""
    for _ in range(2):
        running = demo("--port", port, "--interval", "30")
        heading = running.line_with("CinePi demo")
        assert heading
        at = [_seconds(running.line_with(words)) for words in ("online", "capture_stored")]
        assert at[1] - at[0] <= 5
        assert running.end(signal.SIGINT) == 0


def _read_until(descriptor: int, words: bytes) -> bytes:
    """What a terminal shows, up to `words`."""
    shown = b""
    while words not in shown:
        assert select.select([descriptor], [], [], LIMIT_S)[0], shown.decode()
        shown += os.read(descriptor, 65536)
    return shown


def _by_name(pids: list[int]) -> dict[int, str]:
    """Which child is which, the camera service first."""
    words = {
        "cinepi.service": "the camera service",
        "cinepid": "the daemon",
        "mosquitto": "the broker",
    }
    found = {}
    for program, name in words.items():
        for pid in pids:
            command = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
            if program in command or command[0].endswith(f"/{program}"):
                found[pid] = name
    assert len(found) == 3
    return found


def _seconds(line: str) -> int:
    matched = re.match(r"(\d+):(\d+):(\d+)", line)
    assert matched
    hours, minutes, seconds = map(int, matched.groups())
    return (hours * 60 + minutes) * 60 + seconds
