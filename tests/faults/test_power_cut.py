"""Power cuts: whatever part of what was written since the last fsync is left, nothing is lost.

A session with commands is recorded with all that it writes, syncs and says. Then the power goes
after each of its steps: with all of what was written on the disk, with nothing but what was synced,
and with something between. The service is put together on what is left, and judged by what
somebody had heard before.
"""

import json
import os
import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from cinepi.client import Client
from cinepi.envelope import Command
from cinepi.errors import CameraUnavailableError
from tests.faults import strace, writes
from tests.faults.aftermath import Asked, Document, Then, problems
from tests.faults.power import Disk, State, laid_out
from tests.faults.stack import Stack, wait_for
from tests.faults.writes import Said, Step, Written

if TYPE_CHECKING:
    from cinepi.protocol import Params

SAMPLES = int(os.environ.get("POWER_CUT_SAMPLES", "1"))
"""States between all and nothing, for each moment of a cut."""
KEPT = ("opt", "var/lib")
"""Folders whose files must outlive a power cut."""
TURNS = 2 if SAMPLES == 1 else 8
"""Of all commands, in each of the two lives that are recorded."""
MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of its own below it
"""Where a thousand folders are made and removed again in seconds."""


class Recording:
    """Two lives of a camera service: one ends as it should, the other is killed.

    Attributes:
        steps: All that was done and said.
        asked: All requests, in order.
        answers: At which steps they were answered.
        ended: When, on the monotonic clock.
    """

    def __init__(self, root: Path) -> None:
        """Record it."""
        self.stack = Stack(root)
        config = self.stack.layout.config
        self.files = {str(config): config.read_bytes()}
        self.steps: list[Step] = []
        self.asked: list[Asked] = []
        self.answers: list[int] = []
        self._quality = 60
        self._pictures: list[str] = []
        self._newest = 0
        try:
            for life in (1, 2):
                self._live(root / f"strace-{life}.log", is_last=life == 2)
        finally:
            self.stack.close()
        self.ended = time.monotonic()

    def _live(self, log: Path, *, is_last: bool) -> None:
        folders = [self.stack.root / each for each in KEPT]
        files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
        present = {str(path): path.stat().st_size for path in files}
        self.stack.service.start(strace.recording(writes.CALLS, log, *writes.OPTIONS))
        first = len(self.asked)
        client = wait_for(self._connection, why=self.stack.stderr)
        assert client is not None
        with client:
            self._converse(client)
        if is_last:
            self.stack.service.kill()
        else:
            self.stack.service.terminate()
        for step in writes.steps(log, folders, present):
            if isinstance(step, Said) and (number := _answered(step.data)):
                assert first + number - 1 == len(self.answers)
                self.answers.append(len(self.steps))
            self.steps.append(step)

    def _connection(self) -> Client | None:
        try:
            return Client.connect(self.stack.layout, start=False)
        except CameraUnavailableError:
            return None

    def _converse(self, client: Client) -> None:
        if not self.asked:
            self._ask(client, "session.start", interval=1)
        for _ in range(TURNS):
            taken = self._ask(client, "snapshot.take")
            self._quality += 1
            self._ask(client, "config.patch", patch={"capture": {"quality": self._quality}})
            heard = self._ask(client, "events.read", after=self._newest, limit=500)
            self._newest = heard["events"][-1]["seq"]  # a longer answer would go in pieces
            self._ask(client, "config.backup")
            self._pictures.append(taken["filename"])
            if len(self._pictures) > 2:  # whose second is over, so that its name is not used again
                self._ask(client, "captures.delete", filename=self._pictures[-3])
            time.sleep(0.5)  # for a frame of the session

    def _ask(self, client: Client, method: str, **params: object) -> Document:
        command = None
        if method != "events.read":
            command = Command(id=f"c{len(self.asked)}", fingerprint="f", context="{}")
        asked = Asked(method, params, command)
        self.asked.append(asked)
        asked.result = client.call(method, dict, cast("Params", params), command=command)
        return asked.result

    def known_at(self, step: int) -> tuple[list[Asked], Asked | None]:
        """What had been answered before a step, and what was under way."""
        count = sum(answer < step for answer in self.answers)
        return self.asked[:count], self.asked[count] if count < len(self.asked) else None


def _answered(data: bytes) -> int | None:
    """The number of the request that a line answers."""
    try:
        document = json.loads(data)
    except ValueError:
        return None
    number = document.get("id")
    return number if isinstance(number, int) else None


@pytest.fixture(scope="module")
def recording() -> Iterator[Recording]:
    """One recording for all cuts."""
    with tempfile.TemporaryDirectory() as root:
        yield Recording(Path(root))


def _states(recording: Recording, choice: random.Random) -> Iterator[tuple[int, str, State]]:
    """What cuts leave, in order: the number of steps that were done, in words, and the files."""
    disk = Disk(recording.files)
    for number, step in enumerate(recording.steps, start=1):
        disk.apply(step)
        if isinstance(step, Said):
            continue
        yield number, "all is there", disk.everything()
        yield number, "only what was synced is there", disk.synced()
        for _ in range(SAMPLES):
            yield number, "some is there", disk.any(choice)


@pytest.mark.timeout(120 + SAMPLES * 300)
def test_a_power_cut_loses_nothing_that_was_told(recording: Recording) -> None:
    """Files are whole, rows are files, what was heard is so, and the session goes on."""
    choice = random.Random(7)  # noqa: S311 - reproducible, not secret
    assert sum(isinstance(step, Written) for step in recording.steps) > 100
    assert len(recording.answers) == len(recording.asked)
    found: list[str] = []
    seen: set[int] = set()
    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(dir=MEMORY if MEMORY.exists() else None))
    try:
        for number, words, state in _states(recording, choice):
            answered, under_way = recording.known_at(number)
            key = hash((frozenset(state.items()), len(answered)))
            if key in seen:
                continue
            seen.add(key)
            root = folder / str(len(seen))
            for file in laid_out(state, recording.stack.root, root):
                assert file.exists()
            (root / "opt/cinepi/captures").mkdir(parents=True, exist_ok=True)
            (root / "opt/cinepi/config/backups").mkdir(parents=True, exist_ok=True)
            wrong = problems(root, Then(recording.ended), answered, under_way)
            found += [f"after step {number}, {words}: {problem}" for problem in wrong]
            shutil.rmtree(root)
    finally:
        shutil.rmtree(folder)
    print(
        f"{len(seen)} states after {len(recording.steps)} steps with {len(recording.asked)} "
        f"requests, {time.monotonic() - began:.0f} s"
    )
    assert not found, "\n".join(found[:20])
