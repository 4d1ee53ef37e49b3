"""Commands whose final answer the broker has while the journal does not know that yet.

Most are in here for a tenth of a second, until the journal is told. Those that were answered
`timeout` or `camera_unavailable` stay longer: the camera service may end them yet, and nobody is to
get a second final answer unasked. The file outlives this process, not a power cut: it is written
and not waited for.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import msgspec

from cinepi.logs.setup import logger
from cinepi.units import MonotonicTime, Seconds

KEPT: Seconds = 3600.0
"""Longer than the camera service keeps any outcome, and than any command takes."""
MOST = 1000

_log = logger("told")


class Told:
    """Ids, oldest first; bounded in number and age."""

    def __init__(self, path: Path, now: MonotonicTime) -> None:
        """Read what an earlier run left; a missing or damaged file is an empty one."""
        self._path = path
        self._ids: dict[str, MonotonicTime] = dict.fromkeys(_read(path), now)
        self._has_complained = False

    def __contains__(self, command_id: str) -> bool:
        """Whether this one has had its final answer."""
        return command_id in self._ids

    def add(self, command_id: str, now: MonotonicTime) -> None:
        """Its final answer is with the broker; some microseconds."""
        self._ids.pop(command_id, None)
        self._ids[command_id] = now
        while len(self._ids) > MOST or next(iter(self._ids.values())) < now - KEPT:
            del self._ids[next(iter(self._ids))]
        self._write()

    def discard(self, ids: Iterable[str]) -> None:
        """The journal knows of these, or they are asked again and have a right to an answer."""
        known = [each for each in ids if each in self._ids]
        for each in known:
            del self._ids[each]
        if known:
            self._write()

    def _write(self) -> None:
        """Write over what is there: a process killed here leaves ids too many, which do no harm."""
        lines = b"".join(msgspec.json.encode(each) + b"\n" for each in self._ids)
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600)
            try:
                os.pwrite(descriptor, lines, 0)
                os.ftruncate(descriptor, len(lines))
            finally:
                os.close(descriptor)
        except OSError as error:
            if not self._has_complained:
                _log.error("after a crash some answers will come twice", reason=str(error))
            self._has_complained = True


def _read(path: Path) -> list[str]:
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        _log.warning("some answers may come twice", reason=str(error))
        return []
    ids: list[str] = []
    for line in lines:
        with suppress(msgspec.MsgspecError):  # the end of an older, longer list
            ids.append(msgspec.json.decode(line, type=str))
    return ids
