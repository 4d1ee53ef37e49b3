"""Power cuts of the daemon: what it remembers never goes behind what somebody has heard."""

import json
import random
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
                files = (root / "var/lib/cinepid").glob("*")
                present = {str(path): path.stat().st_size for path in files}
                began = time.monotonic()
                stack.daemon.start(strace.recording(writes.CALLS, log, *writes.OPTIONS))
                if life == 0:
                    observer.await_document("camera", lambda found: found["connected"])
                    assert observer.ask("session/start", interval=1)["success"]
                _await_pictures(observer, began)
                stack.daemon.kill()
                found += writes.steps(log, [root / "var/lib/cinepid"], present)
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


def test_numbers_never_go_back(steps: tuple[Path, list[Step]], tmp_path: Path) -> None:
    """A retained document never gets a `seq` that was heard before, and no event is skipped."""
    root, recorded = steps
    choice = random.Random(8)  # noqa: S311 - reproducible, not secret
    disk = Disk({})
    heard = {"state": 0, "event": 0}
    states = 0
    for number, step in enumerate(recorded):
        disk.apply(step)
        if isinstance(step, Said):
            for kind, document in _documents(step):
                heard[kind] = max(heard[kind], int(str(document.get("seq", 0))))
        for state in _left(disk, choice):
            states += 1
            place = tmp_path / f"{number}-{states}"
            (place / "var/lib/cinepid").mkdir(parents=True)
            assert all(file.exists() for file in laid_out(state, root, place))
            memory = Memory(place / "var/lib/cinepid/state.json")
            assert memory.take_seq() > heard["state"]
            assert memory.cursor <= heard["event"]
    print(f"{states} states after {len(recorded)} steps; heard {heard}")
    assert min(heard.values()) > LIVES


def _left(disk: Disk, choice: random.Random) -> Iterator[State]:
    yield disk.everything()
    yield disk.synced()
    for _ in range(SAMPLES):
        yield disk.any(choice)
