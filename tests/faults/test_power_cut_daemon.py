"""Power cuts of the daemon: what it remembers never goes behind what somebody has heard."""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cinepid.memory import Memory
from tests.faults import strace, writes
from tests.faults.observer import Observer
from tests.faults.power import Disk, State, laid_out
from tests.faults.stack import DEVICE, Stack, wait_for
from tests.faults.writes import Said, Step

KEPT = "var/lib/cinepid"
LIVES = 3
SAMPLES = 4
"""States between all and nothing, for each moment of a cut."""


@pytest.fixture(scope="module")
def steps() -> Iterator[tuple[Path, list[Step]]]:
    """All that a daemon did and said in some lives, beside a session; and its root."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        stack = Stack(root)
        found: list[Step] = []
        try:
            stack.start_broker()
            stack.service.start()
            observer = Observer(stack.port)
            for life in range(LIVES):
                log = root / f"strace-{life}.log"
                files = (root / KEPT).glob("*")
                present = {str(path): path.stat().st_size for path in files}
                began = time.monotonic()
                stack.daemon.start(strace.recording(writes.CALLS, log, *writes.OPTIONS))
                if life == 0:
                    observer.await_document("camera", lambda found: found["connected"])
                    assert observer.ask("session/start", interval=1)["success"]
                _await_pictures(observer, began)
                stack.daemon.kill()
                found += writes.steps(log, [root / KEPT], present)
            observer.close()
        finally:
            stack.close()
        yield root, found


def _await_pictures(observer: Observer, moment: float) -> None:
    """Wait until some were heard of after a moment."""
    wait_for(lambda: sum(e["heard_at"] > moment for e in observer.of_type("capture_stored")) > 2)


def _documents(said: Said) -> Iterator[tuple[str, dict[str, object]]]:
    """The kinds of the documents that a packet says, and themselves."""
    text = said.data.decode(errors="replace")
    for part in text.split(f"cinepi/{DEVICE}/")[1:]:
        kind = part.partition("{")[0].partition("/")[0]
        begin = part.find("{")
        if begin >= 0:
            try:
                document, _ = json.JSONDecoder().raw_decode(part, begin)
            except ValueError:
                continue  # it goes on in the next packet
            yield "event" if kind.startswith("event") else "state", document


class Places:
    """Daemons that begin on what is left; the same is begun on once."""

    def __init__(self, root: Path, folder: Path) -> None:
        """The files lay below `root`, and are laid out below `folder`."""
        self._root = root
        self._folder = folder
        self._known: dict[frozenset[tuple[str, bytes]], tuple[int, int]] = {}

    def begin(self, state: State) -> tuple[int, int]:
        """The first number that a daemon gives to a retained document, and its cursor."""
        key = frozenset(state.items())
        if key not in self._known:
            place = self._folder / str(len(self._known))
            (place / KEPT).mkdir(parents=True)
            assert all(file.exists() for file in laid_out(state, self._root, place))
            memory = Memory(place / KEPT / "state.json")
            self._known[key] = memory.take_seq(), memory.cursor
        return self._known[key]

    def __len__(self) -> int:
        """How many different ones there were."""
        return len(self._known)


def test_what_a_daemon_remembers_is_never_behind(
    steps: tuple[Path, list[Step]], tmp_path: Path
) -> None:
    """A retained document never gets a `seq` that was heard before, and no event is skipped."""
    root, recorded = steps
    choice = random.Random(8)  # noqa: S311 - reproducible, not secret
    disk = Disk({})
    places = Places(root, tmp_path)
    heard = {"state": 0, "event": 0}
    for step in recorded:
        disk.apply(step)
        if isinstance(step, Said):
            for kind, document in _documents(step):
                heard[kind] = max(heard[kind], int(str(document.get("seq", 0))))
        for state in _left(disk, choice):
            number, cursor = places.begin(state)
            assert number > heard["state"]
            assert cursor <= heard["event"]
    print(f"{len(places)} states after {len(recorded)} steps; heard {heard}")
    assert min(heard.values()) > LIVES


_DRIVER = """
import socket, sys
from pathlib import Path
from cinepid.memory import Memory

memory = Memory(Path(sys.argv[1]))
mouth, ear = socket.socketpair()
for number in range(2500):
    if number % 100 == 0:
        memory.remember(cursor=number)
    mouth.send(b"%d" % memory.take_seq())
    ear.recv(100)
"""


def test_thousands_of_numbers_never_go_back(tmp_path: Path) -> None:
    """Each is below a ceiling that is on the disk when it is heard."""
    (tmp_path / KEPT).mkdir(parents=True)
    log = tmp_path / "strace.log"
    driver = [sys.executable, "-c", _DRIVER, str(tmp_path / KEPT / "state.json")]
    recorder = strace.recording(writes.CALLS, log, *writes.OPTIONS)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([*recorder, *driver], check=True, env=environment)
    choice = random.Random(9)  # noqa: S311 - reproducible, not secret
    disk = Disk({})
    places = Places(tmp_path, tmp_path / "left")
    heard = 0
    for step in writes.steps(log, [tmp_path / KEPT], {}):
        disk.apply(step)
        if isinstance(step, Said):
            heard += 1
            assert int(step.data) == heard
        assert all(places.begin(state)[0] > heard for state in _left(disk, choice))
    assert heard == 2500


def _left(disk: Disk, choice: random.Random) -> Iterator[State]:
    yield disk.everything()
    yield disk.synced()
    for _ in range(SAMPLES):
        yield disk.any(choice)
