"""The vigil: what turns or ends in time is left alone, what does not is named."""

import os
import subprocess
import sys

import pytest

from cinepi.clock import SystemClock
from cinepi.vigil import LIMIT, Vigil


@pytest.fixture
def said() -> list[str]:
    """What was said when the process was given up."""
    return []


@pytest.fixture
def vigil(said: list[str]) -> Vigil:
    """One that is not started: the tests let time pass."""
    return Vigil(SystemClock(), said.append)


def test_a_loop_that_hangs_is_named(vigil: Vigil, said: list[str]) -> None:
    """One that turns is not, nor is one whose limit is longer."""
    vigil.expect("hanging")
    vigil.expect("turning")
    vigil.expect("slow", limit=lambda: 10 * LIMIT)
    vigil.look(LIMIT)
    assert said == []
    vigil.beat("turning")
    vigil.look(1)
    assert said == ["no progress of hanging"]


def test_a_loop_that_never_begins_is_named(vigil: Vigil, said: list[str]) -> None:
    """It is expected from the start."""
    vigil.expect("absent")
    vigil.look(LIMIT + 1)
    assert said == ["no progress of absent"]


def test_turns_can_be_asked_for(vigil: Vigil, said: list[str]) -> None:
    """Where a part counts them anyway."""
    turns = [0]
    vigil.expect("counting", lambda: turns[0])
    vigil.look(LIMIT)
    turns[0] += 1
    vigil.look(1)
    vigil.look(LIMIT)
    assert said == []
    vigil.look(1)
    assert said == ["no progress of counting"]


def test_work_has_to_end(vigil: Vigil, said: list[str]) -> None:
    """What has ended is forgotten, however long ago."""
    with vigil.work("short", 5), vigil.work("long", 50):
        vigil.look(5)
        assert said == []
        vigil.look(1)
        assert said == ["no progress of short"]
    vigil.look(1000)
    assert len(said) == 1


def test_a_moment_without_descriptors_ends_nothing() -> None:
    """Whoever uses them up, the process that cannot tell systemd for a moment lives on."""
    code = (
        "import resource; from cinepi.clock import SystemClock; from cinepi.vigil import Vigil\n"
        "vigil = Vigil(SystemClock(), exit)\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))\n"
        "vigil.look(1.0)"
    )
    environment = {**os.environ, "NOTIFY_SOCKET": "/nowhere"}
    assert (
        subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0
    )
