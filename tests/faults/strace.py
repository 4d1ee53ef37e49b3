"""Faults at system calls: strace makes the n-th one fail, or kills the process just before it."""

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

LIMIT = 20.0
"""Seconds until strace must have attached, on a loaded machine."""

CHANGING = (
    "write",
    "writev",
    "pwrite64",
    "fsync",
    "fdatasync",
    "ftruncate",
    "fallocate",
    "rename",
    "renameat2",
    "linkat",
    "unlink",
    "unlinkat",
)
"""The calls by which our processes change a disk; a kill between any two of them is one of these,
since strace kills before the call is made."""


def needed() -> str:
    """The path of strace; skips the test where there is none."""
    program = shutil.which("strace")
    if program is None:
        pytest.skip("strace is not installed: apt install strace")
    return program


def injection(calls: Sequence[str], what: str) -> list[str]:
    """Arguments that make `calls` suffer `what`, as in `error=EIO:when=3+`."""
    names = ",".join(f"?{name}" for name in calls)  # not every kernel has all of them
    return ["-f", "-qq", "-e", f"trace={names}", "-e", f"inject={names}:{what}"]


def wrapped(command: Sequence[str], calls: Sequence[str], what: str) -> list[str]:
    """A command line that suffers from its start on; counts are those of each thread."""
    return [needed(), *injection(calls, what), "-o", "/dev/null", *command]


@contextmanager
def attached(pid: int, calls: Sequence[str], what: str) -> Iterator[None]:
    """Let a running process suffer, from now until the end of the block."""
    arguments = [arg for arg in injection(calls, what) if arg != "-qq"]
    tracer = subprocess.Popen(
        [needed(), *arguments, "-o", "/dev/null", "-p", str(pid)],
        stderr=subprocess.PIPE,
    )
    assert tracer.stderr is not None
    try:
        line = tracer.stderr.readline()
        assert b"attached" in line, line
        yield
    finally:
        tracer.terminate()
        tracer.wait(LIMIT)
        tracer.stderr.close()


def threads(pid: int) -> int:
    """How many threads a process has."""
    return len(list(Path(f"/proc/{pid}/task").iterdir()))
