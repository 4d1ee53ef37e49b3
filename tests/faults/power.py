"""A disk without power: what may be on it after a cut, given what was written and what was synced.

A file holds what was synced, and of the later writes any subset, the last of them torn. A folder
holds its names as they were synced, and the later changes up to any of them: file systems keep the
order within one folder. File and folder, and two files, know nothing of each other. Folders
themselves are there, as the installation makes them.
"""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from tests.faults.writes import Cut, Made, Named, Step, Synced, Written

State: TypeAlias = dict[str, bytes]
"""Content by path."""
SECTOR = 512
"""Bytes of which the disk writes all or none."""


@dataclass
class _File:
    """A file, by whatever name."""

    synced: bytes = b""
    pending: list[Written | Cut] = field(default_factory=list)

    def with_changes(self, changes: list[Written | Cut]) -> bytes:
        if not changes:
            return self.synced
        data = bytearray(self.synced)
        for change in changes:
            if isinstance(change, Cut):
                del data[change.size :]
                data.extend(b"\0" * (change.size - len(data)))
            else:
                data.extend(b"\0" * (change.offset - len(data)))
                data[change.offset : change.offset + len(change.data)] = change.data
        return bytes(data)


_Names: TypeAlias = dict[str, _File]
_Change: TypeAlias = Callable[[_Names], None]


@dataclass
class _Folder:
    """Names as they were synced, and what has become of them since."""

    synced: _Names = field(default_factory=dict)
    pending: list[_Change] = field(default_factory=list)

    def names(self, count: int) -> _Names:
        names = dict(self.synced)
        for change in self.pending[:count]:
            change(names)
        return names


class Disk:
    """Follows the steps of a recording, and says what a cut may leave at any moment."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        """Begin with files that are on the disk for good."""
        self._folders: dict[str, _Folder] = {}
        for path, content in files.items():
            folder, name = _split(path)
            self._folder(folder).synced[name] = _File(content)

    def apply(self, step: Step) -> None:
        """Let one more step happen."""
        match step:
            case Made(path):
                self._change(path, _linked(_split(path)[1], _File()))
            case Written(path) | Cut(path):
                self._now(path).pending.append(step)
            case Named(path, new):
                self._rename(path, new)
            case Synced(path):
                self._sync(path)
            case _:
                pass

    def everything(self) -> State:
        """All writes, synced or not: what a killed process leaves."""
        return self._state(lambda folder: len(folder.pending), lambda file: file.pending)

    def synced(self) -> State:
        """Nothing but what was synced."""
        return self._state(lambda _: 0, lambda _: [])

    def any(self, choice: random.Random) -> State:
        """Something between the two."""
        changes: dict[int, list[Written | Cut]] = {}

        def some(file: _File) -> list[Written | Cut]:
            if id(file) not in changes:
                changes[id(file)] = _some(file.pending, choice)
            return changes[id(file)]

        return self._state(lambda folder: choice.randint(0, len(folder.pending)), some)

    def _state(
        self, names: Callable[[_Folder], int], changes: Callable[[_File], list[Written | Cut]]
    ) -> State:
        return {
            f"{path}/{name}": file.with_changes(changes(file))
            for path, folder in self._folders.items()
            for name, file in folder.names(names(folder)).items()
        }

    def _folder(self, path: str) -> _Folder:
        return self._folders.setdefault(path, _Folder())

    def _now(self, path: str) -> _File:
        folder, name = _split(path)
        found = self._folder(folder)
        return found.names(len(found.pending))[name]

    def _change(self, path: str, change: _Change) -> None:
        self._folder(_split(path)[0]).pending.append(change)

    def _rename(self, path: str, new: str | None) -> None:
        folder, name = _split(path)
        if new is None:
            self._change(path, _unlinked(name))
            return
        file = self._now(path)
        new_folder, new_name = _split(new)
        if new_folder == folder:
            self._change(path, _renamed(name, new_name, file))
        else:
            self._change(new, _linked(new_name, file))
            self._change(path, _unlinked(name))

    def _sync(self, path: str) -> None:
        if path in self._folders:
            folder = self._folders[path]
            folder.synced = folder.names(len(folder.pending))
            folder.pending.clear()
        elif _split(path)[0] in self._folders:
            file = self._now(path)
            file.synced = file.with_changes(file.pending)
            file.pending.clear()


def _split(path: str) -> tuple[str, str]:
    folder, _, name = path.rpartition("/")
    return folder, name


def _some(pending: list[Written | Cut], choice: random.Random) -> list[Written | Cut]:
    """A subset of the writes in their order, or a beginning of them; the last may be torn."""
    if choice.random() < 0.5:
        kept = pending[: choice.randint(0, len(pending))]
    else:
        kept = [each for each in pending if choice.random() < 0.5]
    if kept and isinstance(last := kept[-1], Written) and choice.random() < 0.5:
        sectors = len(last.data) // SECTOR
        whole = last.data[: choice.randint(0, sectors) * SECTOR]
        kept = [*kept[:-1], Written(last.path, last.offset, whole)]
    return kept


def _linked(name: str, file: _File) -> _Change:
    return lambda names: names.__setitem__(name, file)


def _unlinked(name: str) -> _Change:
    def change(names: _Names) -> None:
        names.pop(name, None)

    return change


def _renamed(old: str, new: str, file: _File) -> _Change:
    def change(names: _Names) -> None:
        names.pop(old, None)
        names[new] = file

    return change


def laid_out(state: State, old: Path, new: Path) -> Iterator[Path]:
    """Write a state of the folder `old` below `new`; yields the files."""
    for path, content in state.items():
        if path.startswith(f"{old}/"):
            target = new / Path(path).relative_to(old)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            yield target
