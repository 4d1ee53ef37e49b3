"""Faults that the simulated camera shows on demand, so that people and tests can see recovery.

They stand in a small JSON file, so that they outlive the process that suffers from them.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Literal, get_args

import msgspec

from cinepi.check import parse
from cinepi.disk import speaking_of
from cinepi.errors import InvalidArgumentError
from cinepi.features import setting
from cinepi.paths import Layout
from cinepi.units import Seconds

FaultName = Literal[
    "hang", "timeout", "unplug", "slow", "truncated", "wrong_size", "wrong_metadata", "busy"
]
FAULTS: tuple[FaultName, ...] = get_args(FaultName)
"""Never returns; too slow by its own account; gone; slower; part of a picture; a smaller one;
nonsense; taken."""


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to go wrong."""

    fault: Annotated[FaultName, setting("Fault", "What is to go wrong.")]
    count: Annotated[int, setting("Count", "How many calls it hits.", minimum=1)] | None = None
    seconds: Annotated[
        float,
        setting("Seconds", "How much slower the fault slow is.", minimum=0, maximum=600, unit="s"),
    ] = 1.0


def write(layout: Layout, fault: str, count: int | None = None, seconds: Seconds = 1.0) -> Fault:
    """Make the simulated camera show `fault` from its next call on; replaces any other fault.

    Args:
        layout: Whose camera.
        fault: One of `FAULTS`.
        count: How many calls it hits; None lasts until `clear`.
        seconds: How much slower `slow` is; the others ignore it.

    Raises:
        InvalidArgumentError: An argument is out of its range; names all that are.
        CinepiError: The file cannot be written; see `speaking_of`.
    """
    parsed = parse(Fault, {"fault": fault, "count": count, "seconds": seconds})
    with speaking_of(layout.faults, "write"):
        layout.faults.parent.mkdir(parents=True, exist_ok=True)
        with _locked(layout.faults.parent):
            _replace(layout.faults, parsed)
    return parsed


def clear(layout: Layout) -> None:
    """Make the simulated camera well again.

    Raises:
        CinepiError: The file cannot be removed; see `speaking_of`.
    """
    with speaking_of(layout.faults, "remove"):
        layout.faults.unlink(missing_ok=True)


class Faults:
    """The fault that stands in the file now; one `stat` per question while nothing changes."""

    def __init__(self, path: Path) -> None:
        """Follow the file at `path`, which need not exist."""
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._fault: Fault | None = None

    def use(self, *names: FaultName) -> Fault | None:
        """The fault, if it is one of `names`; counts it as having hit once."""
        fault = self._read()
        if fault is None or fault.fault not in names:
            return None
        if fault.count is not None:
            with _locked(self._path.parent):
                self._count_down()
        return fault

    def _read(self) -> Fault | None:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            self._seen = None
            return None
        seen = (status.st_mtime_ns, status.st_ino)
        if seen != self._seen:
            self._fault = _load(self._path)
            self._seen = seen
        return self._fault

    def _count_down(self) -> None:
        fault = _load(self._path)
        if fault is None or fault.count is None:
            return
        if fault.count > 1:
            _replace(self._path, msgspec.structs.replace(fault, count=fault.count - 1))
        else:
            self._path.unlink(missing_ok=True)


def _load(path: Path) -> Fault | None:
    """What the file asks for; None if it is gone or, edited by hand, says nothing sensible."""
    with suppress(FileNotFoundError, msgspec.DecodeError, InvalidArgumentError):
        return parse(Fault, msgspec.json.decode(path.read_bytes()))
    return None


def _replace(path: Path, fault: Fault) -> None:
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_bytes(msgspec.json.encode(fault))
    temporary.replace(path)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep the camera, which counts down, and the command line from overwriting each other."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
