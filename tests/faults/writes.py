"""What a program did to its disk and said on its sockets, in order, as strace saw it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

CALLS = (
    *("open", "openat", "creat", "write", "writev", "pwrite64", "ftruncate", "fallocate"),
    *("fsync", "fdatasync", "rename", "renameat2", "link", "linkat", "unlink", "unlinkat"),
    *("mkdir", "mkdirat", "rmdir", "lseek", "sendto", "sendmsg"),
)
OPTIONS = ("-y", "-xx", "-s", "100000000")
"""Paths of descriptors, all strings as hexadecimal digits, none shortened."""


@dataclass(frozen=True)
class Made:
    """A new, empty file."""

    path: str


@dataclass(frozen=True)
class Written:
    """Bytes in a file; zeros where room was only set aside."""

    path: str
    offset: int
    data: bytes


@dataclass(frozen=True)
class Cut:
    """A file has this size from now on."""

    path: str
    size: int


@dataclass(frozen=True)
class Named:
    """A file has another name; None if it has none any more."""

    path: str
    new: str | None


@dataclass(frozen=True)
class Synced:
    """What was written to a file, or to a folder, is on the disk."""

    path: str


@dataclass(frozen=True)
class Said:
    """Bytes that somebody else has received."""

    socket: str
    data: bytes


Step: TypeAlias = Made | Written | Cut | Named | Synced | Said

_LINE = re.compile(r"(\d+) +(\w+)\((.*)\) += (-?\d+)(?:<.*>)?(?: .*)?$")
_UNFINISHED = re.compile(r"(\d+) +(.*) <unfinished \.\.\.>$")
_RESUMED = re.compile(r"(\d+) +<\.\.\. \w+ resumed>(.*)$")
_DESCRIPTOR = re.compile(r"(\d+|AT_FDCWD)<([^>]*)>")
_STRING = re.compile(r'"([^"]*)"')


def steps(log: Path, folders: Sequence[Path], present: Mapping[str, int]) -> Iterator[Step]:
    """All that happened to the files below some folders, and all that was said.

    Args:
        log: Of a strace with `CALLS` and `OPTIONS`.
        folders: What is elsewhere is not looked at.
        present: Sizes of the files that were there at the start, by path.
    """
    reader = _Reader(tuple(f"{folder}/" for folder in folders), present)
    for line in _whole_lines(log):
        match = _LINE.match(line)
        if match and int(match[4]) >= 0:
            yield from reader.read(match[2], match[3], int(match[4]))


def _whole_lines(log: Path) -> Iterator[str]:
    """The lines, those that another thread's cut in two put together again, at their end."""
    begun: dict[str, str] = {}
    with log.open(errors="replace") as lines:
        for each in lines:
            line = each.rstrip("\n")
            if match := _UNFINISHED.match(line):
                begun[match[1]] = line.removesuffix(" <unfinished ...>")
            elif match := _RESUMED.match(line):
                yield begun.pop(match[1], f"{match[1]} lost(") + match[2]
            else:
                yield line


class _Reader:
    """Knows which files there are, and where each descriptor stands."""

    def __init__(self, folders: tuple[str, ...], present: Mapping[str, int]) -> None:
        self._folders = folders
        self._known = dict(present)  # sizes
        self._place: dict[str, int] = {}

    def read(self, call: str, arguments: str, result: int) -> Iterator[Step]:
        text = [_decoded(each).decode(errors="replace") for each in _STRING.findall(arguments)]
        descriptors = [
            (number, _decoded(path).decode(errors="replace"))
            for number, path in _DESCRIPTOR.findall(_STRING.sub('""', arguments))
        ]
        number, path = descriptors[0] if descriptors else ("", "")
        match call:
            case "sendto" | "sendmsg":
                yield Said(number, b"".join(map(_decoded, _STRING.findall(arguments)))[:result])
            case "open" | "openat" | "creat":
                yield from self._open(_joined(path, text[0]), arguments, str(result))
            case "rename" | "renameat2" | "link" | "linkat":
                folders = [found for _, found in descriptors] if len(descriptors) > 1 else ["", ""]
                old, new = (_joined(*each) for each in zip(folders, text, strict=True))
                yield from self._rename(old, new)
            case "unlink" | "unlinkat":
                gone = _joined(path, text[0])
                if self._known.pop(gone, None) is not None:
                    yield Named(gone, None)
            case "lseek":
                self._place[number] = result
            case "fsync" | "fdatasync" if self._is_ours(path):
                yield Synced(path)
            case "ftruncate" if path in self._known:
                size = int(arguments.rpartition(",")[2])
                self._known[path] = size
                yield Cut(path, size)
            case "write" | "writev" | "pwrite64" | "fallocate" if path in self._known:
                yield from self._write(call, number, path, arguments, result)
            case _:
                pass

    def _is_ours(self, path: str) -> bool:
        return f"{path}/".startswith(self._folders)

    def _open(self, path: str, arguments: str, descriptor: str) -> Iterator[Step]:
        if not self._is_ours(path) or "O_DIRECTORY" in arguments:
            return
        is_new = path not in self._known
        self._place[descriptor] = 0
        if is_new and "O_CREAT" in arguments:
            self._known[path] = 0
            yield Made(path)
        elif not is_new and "O_TRUNC" in arguments:
            self._known[path] = 0
            yield Cut(path, 0)
        if "O_APPEND" in arguments:
            self._place[descriptor] = self._known.get(path, 0)

    def _rename(self, old: str, new: str) -> Iterator[Step]:
        if old in self._known:
            self._known[new] = self._known.pop(old)
            yield Named(old, new)

    def _write(
        self, call: str, number: str, path: str, arguments: str, result: int
    ) -> Iterator[Step]:
        if call == "fallocate":
            offset, length = map(int, arguments.split(", ")[2:4])
            data = b"\0" * length
        else:
            data = b"".join(map(_decoded, _STRING.findall(arguments)))[:result]
            is_placed = call == "pwrite64"
            offset = int(arguments.rpartition(",")[2]) if is_placed else self._place[number]
            if not is_placed:
                self._place[number] = offset + len(data)
        self._known[path] = max(self._known[path], offset + len(data))
        yield Written(path, offset, data)


def _joined(folder: str, name: str) -> str:
    return str(Path(folder, name))


def _decoded(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))
