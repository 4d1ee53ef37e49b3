"""The newest log entries, found from the ends of the files, however large those are."""

import heapq
import os
from collections.abc import Generator, Iterable, Iterator
from itertools import islice
from pathlib import Path

import msgspec

from cinepi.clock import parse_time, rfc3339
from cinepi.errors import InvalidArgumentError
from cinepi.logs.entry import SEVERITY, LogEntry
from cinepi.logs.file import generations
from cinepi.logs.parse import parse_line
from cinepi.units import Bytes

MAX_SEARCHED: Bytes = 32 * 1024 * 1024
"""How far back a filter that fits little is followed, in all files together. Our own logs are
smaller; beyond, it would take longer than people wait (benchmarks/logs.py)."""

_PARSING = 32  # reading a line's JSON takes so many times as long as passing over its bytes
_BLOCK: Bytes = 64 * 1024
_LONGEST: Bytes = 256 * 1024  # a longer "line" is rubbish, and is taken in pieces
_OLD_BLOCKS = 2  # a clock set back may put a few older lines after newer ones


class Found(msgspec.Struct, frozen=True):
    """What a search came to.

    Attributes:
        entries: Newest first.
        notes: What was left out and why, in sentences; empty if nothing was.
    """

    entries: tuple[LogEntry, ...]
    notes: tuple[str, ...]


def search(
    paths: Iterable[Path],
    *,
    limit: int,
    level: str | None = None,
    module: str | None = None,
    since: str | None = None,
) -> Found:
    """The newest entries of several logs and of their older files, newest first.

    Reads backwards until there are enough, within `MAX_SEARCHED` and with little memory whatever
    the files' size. A log that does not exist is an empty one.

    Args:
        paths: The files in use; `….1` and older ones are found beside them.
        limit: How many at most.
        level: The least serious: debug, info, warning or error.
        module: Only this part, and its own parts: `camera` fits `camera.ladder`.
        since: Only from this time on, RFC 3339.

    Raises:
        InvalidArgumentError: The level or the time is none.
    """
    wanted = _Wanted(level, module, since)
    effort = _Effort()
    streams = [_entries(path, wanted, effort) for path in paths]
    merged = heapq.merge(*streams, key=_timestamp, reverse=True)
    entries = tuple(islice(merged, limit))
    for stream in streams:
        stream.close()
    return Found(entries, tuple(effort.notes))


class _Wanted:
    """The filter, and what a line must have in it to pass."""

    def __init__(self, level: str | None, module: str | None, since: str | None) -> None:
        if level is not None and level not in SEVERITY:
            raise InvalidArgumentError.at(
                "/level", f"level must be one of {', '.join(SEVERITY)}, not {level[:40]!r}"
            )
        self._severity = SEVERITY[level] if level else 0
        self._module = module
        self.since = rfc3339(parse_time(since, "/since")) if since else ""
        self._marks: list[list[bytes]] = []  # of each list, a line must have one
        if module:
            self._marks.append([msgspec.json.encode(module)[:-1]])
        if self._severity > SEVERITY["info"]:  # up to there, lines that are no entries fit too
            fitting = (name for name, worth in SEVERITY.items() if worth >= self._severity)
            self._marks.append([f'"{name}"'.encode() for name in fitting])

    def candidates(self, block: bytes) -> Iterator[bytes]:
        """The lines that may fit, last first; a block without any costs one look for each mark."""
        if not self._marks:
            yield from reversed(block.split(b"\n"))
        elif self._may_be_in(block):
            begin = len(block)
            while (hit := max(block.rfind(mark, 0, begin) for mark in self._marks[0])) >= 0:
                begin, end = block.rfind(b"\n", 0, hit) + 1, block.find(b"\n", hit)
                line = block[begin : end if end >= 0 else None]
                if self._may_be_in(line):
                    yield line

    def _may_be_in(self, text: bytes) -> bool:
        return all(any(mark in text for mark in marks) for marks in self._marks)

    def fits(self, entry: LogEntry) -> bool:
        return (
            SEVERITY.get(entry.level, SEVERITY["info"]) >= self._severity
            and (not self._module or f"{entry.module}.".startswith(f"{self._module}."))
            and entry.timestamp >= self.since
        )


class _Effort:
    """How much has been read, and what to say about it."""

    def __init__(self) -> None:
        self._left = MAX_SEARCHED
        self.notes: list[str] = []

    def spend(self, amount: Bytes) -> bool:
        """Count some work; False once it has been enough."""
        was_spent = self.is_spent
        self._left -= amount
        if self.is_spent and not was_spent:
            self.notes.append(f"only the newest {MAX_SEARCHED // 1_000_000} MB were searched")
        return not self.is_spent

    @property
    def is_spent(self) -> bool:
        """Whether it has been enough."""
        return self._left < 0


def _entries(path: Path, wanted: _Wanted, effort: _Effort) -> Generator[LogEntry, None, None]:
    """The fitting entries of one log, newest first."""
    for file in generations(path):
        try:
            descriptor = os.open(file, os.O_RDONLY)
        except FileNotFoundError:
            continue
        except OSError as error:
            effort.notes.append(f"{file} cannot be read: {error.strerror}")
            continue
        with os.fdopen(descriptor, "rb", buffering=0):
            is_over = yield from _file_entries(descriptor, wanted, effort)
        if is_over:
            return


def _file_entries(
    descriptor: int, wanted: _Wanted, effort: _Effort
) -> Generator[LogEntry, None, bool]:
    """The fitting entries of one file, newest first; returns whether older files need no look."""
    latest = rfc3339(os.fstat(descriptor).st_mtime)  # for lines that have no time of their own
    old_blocks = 0
    for block in _blocks(descriptor, effort):
        for line in wanted.candidates(block):
            if not line.strip(b"\0 \r"):
                continue
            entry = parse_line(line)
            latest = entry.timestamp or latest
            if not entry.timestamp:
                entry = msgspec.structs.replace(entry, timestamp=latest)
            if wanted.fits(entry):
                yield entry
            elif not effort.spend(_PARSING * len(line)):
                return True
        if wanted.since:
            oldest = parse_line(block.split(b"\n", 1)[0]).timestamp
            old_blocks = old_blocks + 1 if "" < oldest < wanted.since else 0
            if old_blocks == _OLD_BLOCKS:
                return True
    return effort.is_spent


def _blocks(descriptor: int, effort: _Effort) -> Iterator[bytes]:
    """The file from its end, in blocks of whole lines, until it has been enough."""
    position = os.fstat(descriptor).st_size
    rest = b""  # of a line that begins further in front
    while position and effort.spend(min(position, _BLOCK)):
        begin = max(0, position - _BLOCK)
        block = os.pread(descriptor, position - begin, begin) + rest
        position = begin
        if begin == 0:
            yield block
            return
        first_end = block.find(b"\n")
        if first_end < 0:
            rest = block if len(block) <= _LONGEST else b""
            continue
        rest = block[:first_end]
        yield block[first_end + 1 :]


def _timestamp(entry: LogEntry) -> str:
    return entry.timestamp
