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
    """A strace that makes `calls` suffer `what`, as in `error=EIO:when=3+`; each thread counts."""
    names = _names(calls)
    inject = f"inject={names}:{what}"
    return [needed(), "-f", "-qq", "-e", f"trace={names}", "-e", inject, "-o", "/dev/null"]


def recording(calls: Sequence[str], log: Path, *options: str) -> list[str]:
    """A strace that writes `calls` to `log`, each line begun by its thread."""
    return [needed(), "-f", "-qq", "-e", f"trace={_names(calls)}", "-o", str(log), *options]


@contextmanager
def attached(pid: int, calls: Sequence[str], what: str) -> Iterator[None]:
    """Let a running process suffer, from now until the end of the block."""
    arguments = [argument for argument in injection(calls, what) if argument != "-qq"]
    tracer = subprocess.Popen([*arguments, "-p", str(pid)], stderr=subprocess.PIPE)
    assert tracer.stderr is not None
    try:
        line = tracer.stderr.readline()
        assert b"attached" in line, line
        yield
    finally:
        tracer.terminate()
        tracer.wait(LIMIT)
        tracer.stderr.close()


def _names(calls: Sequence[str]) -> str:
    return ",".join(f"?{name}" for name in calls)  # not every kernel has all of them
