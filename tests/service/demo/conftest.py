"""Programs that are ended after the test, and a look at their children."""

import os
import select
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.service.demo.program import LIMIT_S, Running, Start


@pytest.fixture
def start() -> Iterator[Start]:
    """Start Python programs, which are ended after the test."""
    running: list[Running] = []

    def start_one(*arguments: str, **environment: str) -> Running:
        running.append(Running([sys.executable, *arguments], environment))
        return running[-1]

    yield start_one
    for program in running:
        program.close()


@pytest.fixture
def has_ended() -> Callable[[int], bool]:
    """Whether a process that is not our child ends within the limit."""

    def wait(pid: int) -> bool:
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            return True
        with os.fdopen(descriptor) as watched:
            return bool(select.select([watched], [], [], LIMIT_S)[0])

    return wait


@pytest.fixture
def children_of() -> Callable[[int], list[int]]:
    """The direct children of a process, in the order of their start."""

    def children(pid: int) -> list[int]:
        found: list[int] = []
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
        return sorted(found)

    return children
