import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cinepid.demo.supervisor import Child, Program
from cinepid.errors import ConfigError
from tests.service.demo.program import Start
from tests.service.running import wait_for

LIMIT_S = 15.0

# Supervises one child, prints the child's pid, and waits to be killed.
PARENT = """
import asyncio, sys
from pathlib import Path
from cinepid.demo.supervisor import Child, Program

async def main():
    code = "import os, signal; print(os.getpid(), flush=True); signal.pause()"
    child = Child(Program("it", (sys.executable, "-c", code), Path(sys.argv[1])), print)
    await child.keep()

asyncio.run(main())
"""


def test_a_child_that_ends_is_started_again_and_that_is_said(tmp_path: Path) -> None:
    """Who watches the demo reads how a child ended and when it comes back, and it does."""
    said = asyncio.run(_watch(tmp_path, "raise SystemExit(3)", stop_after=2))
    assert said[:2] == [
        "it ended with exit code 3; it starts again in 0.2 s",
        "it ended with exit code 3; it starts again in 0.4 s",
    ]


def test_a_child_that_keeps_ending_is_quoted_once(tmp_path: Path) -> None:
    """After three ends in a row its last words are shown, and where to find more."""
    said = asyncio.run(_watch(tmp_path, "raise SystemExit('no camera')", stop_after=6))
    assert said[3:5] == ["  no camera", f"  (more in {tmp_path / 'child.log'})"]
    assert said[5].endswith("it starts again in 1.6 s")


def test_a_wrong_configuration_is_not_tried_again(tmp_path: Path) -> None:
    """Exit code 78 ends the demo, with the child's own words."""
    code = "import sys; sys.stderr.write('port is wrong'); sys.exit(78)"
    with pytest.raises(ConfigError, match="port is wrong"):
        asyncio.run(_watch(tmp_path, code, stop_after=1))


def test_a_child_that_ignores_sigterm_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopping takes no longer than the limit."""
    monkeypatch.setattr("cinepid.demo.supervisor.STOP_LIMIT", 0.2)
    code = "import signal; signal.signal(15, signal.SIG_IGN); print('up', flush=True)"

    async def scenario() -> list[str]:
        said: list[str] = []
        child = Child(_program(tmp_path, f"{code}; signal.pause()"), said.append)
        keeping = asyncio.create_task(child.keep())
        await asyncio.to_thread(wait_for, lambda: _has_a_line(tmp_path / "child.log"))
        keeping.cancel()
        await child.stop()
        return said

    assert asyncio.run(scenario()) == ["it did not end within 0.2 s and is killed"]


def test_children_end_with_a_killed_parent(
    tmp_path: Path,
    start: Start,
    has_ended: Callable[[int], bool],
) -> None:
    """Not even kill -9 leaves orphans."""
    parent = start("-c", PARENT, str(tmp_path / "child.log"))
    wait_for(lambda: _has_a_line(tmp_path / "child.log"))
    child = int((tmp_path / "child.log").read_text())
    assert os.getpgid(child) == child
    parent.end(signal.SIGKILL)
    assert has_ended(child)


async def _watch(folder: Path, code: str, *, stop_after: int) -> list[str]:
    """What a supervisor says of a Python program, up to so many lines."""
    said: list[str] = []
    enough = asyncio.Event()

    def say(words: str) -> None:
        said.append(words)
        if len(said) >= stop_after:
            enough.set()

    child = Child(_program(folder, code), say)
    keeping = asyncio.create_task(child.keep())
    waiting = asyncio.create_task(enough.wait())
    done, _ = await asyncio.wait([keeping, waiting], timeout=LIMIT_S, return_when="FIRST_COMPLETED")
    assert done, f"nothing more was said than {said}"
    keeping.cancel()
    waiting.cancel()
    outcome, _ = await asyncio.gather(keeping, waiting, return_exceptions=True)
    await child.stop()
    if isinstance(outcome, ConfigError):
        raise outcome
    return said


def _has_a_line(path: Path) -> bool:
    return path.exists() and path.read_text().endswith("\n")


def _program(folder: Path, code: str) -> Program:
    return Program("it", (sys.executable, "-c", code), folder / "child.log")
