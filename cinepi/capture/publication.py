"""One shot on its way into the folder: written under temporary names, then given its own.

The picture's name marks that the shot is whole, so it is given last. Whoever finds a companion
without its picture, after a kill at any moment, knows that the shot is not whole.
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence

from cinepi.capture.naming import endings, file_name, understood
from cinepi.clock import Clock
from cinepi.disk import rename_if_free, temporary_name
from cinepi.formats.contract import Buffer
from cinepi.logs.setup import logger
from cinepi.stem import stem_for
from cinepi.units import WallTime

_FILE_MODE = 0o640

_log = logger("store")


class Publication:
    """The files of one shot, in a folder that is open for as long as this lives.

    Attributes:
        names: The name that each file has now, by the ending that it is to have; the picture first.
        left: Files that are of no use and could not be removed.
    """

    def __init__(self, folder: int, clock: Clock) -> None:
        """Use a descriptor of the folder."""
        self._folder = folder
        self._clock = clock
        self.names: dict[str, str] = {}
        self.left: set[str] = set()

    def write(self, files: Mapping[str, Sequence[Buffer]]) -> None:
        """Write each file under a temporary name, and sync it.

        The picture comes first, so that what is left of the disk is its own.

        Raises:
            OSError: The picture cannot be written.
        """
        for ending, parts in files.items():
            is_picture = not self.names
            self.names[ending] = temporary_name(self._clock)
            try:
                _write_new(self._folder, self.names[ending], parts)
            except OSError as error:
                if is_picture:
                    raise
                self._give_up(ending, error)

    def publish(self, wall: WallTime, is_used: Callable[[str], bool]) -> None:
        """Give the files their names, under the first stem that is free for all, and sync them.

        Never replaces another file. Where one of the names is in use, all go on to the next stem.
        The picture is named when the names of its companions are on the disk, for a power cut may
        undo renames in any order.

        Args:
            wall: When the shot was exposed.
            is_used: Stems that must not be used although no file has them.

        Raises:
            OSError: The picture cannot be renamed, or the folder not synced.
            ConflictError: There are 100 shots of that second.
        """
        refused: set[str] = set()
        picture = next(iter(self.names))
        while True:
            stem = stem_for(
                wall, lambda stem: stem in refused or is_used(stem) or self._is_in_use(stem)
            )
            refused.add(stem)
            if not self._name_companions(stem):
                continue
            if len(self.names) > 1:
                os.fsync(self._folder)
            if self._name(stem, picture):
                break
        os.fsync(self._folder)

    def withdraw(self) -> None:
        """Remove all of it again, the picture first; what the disk refuses is in `left` then."""
        self.left |= removed_or_left(self._folder, self.names.values())

    def _name_companions(self, stem: str) -> bool:
        """Whether that stem was free for all of them."""
        for ending in list(self.names)[1:]:
            try:
                if not self._name(stem, ending):
                    return False
            except OSError as error:
                self._give_up(ending, error)
        return True

    def _name(self, stem: str, ending: str) -> bool:
        name = file_name(stem, ending)
        is_free = rename_if_free(self._folder, self.names[ending], name)
        if is_free:
            self.names[ending] = name
        return is_free

    def _give_up(self, ending: str, error: OSError) -> None:
        """Go on without a companion: it never costs the picture."""
        _log.warning("companion not kept", ending=ending, reason=error.strerror)
        self.left |= removed_or_left(self._folder, [self.names.pop(ending)])

    def _is_in_use(self, stem: str) -> bool:
        """Whether somebody's file has that stem; our own may have it from an attempt before."""
        of_stem = {file_name(stem, ending) for ending in endings()}
        return any(is_there(self._folder, name) for name in of_stem.difference(self.names.values()))


def removed_or_left(folder: int, names: Iterable[str]) -> set[str]:
    """Remove files; returns those that the disk refuses to, and that no start would remove."""
    left = set()
    for name in names:
        try:
            os.unlink(name, dir_fd=folder)
        except FileNotFoundError:
            pass
        except OSError:  # what went wrong first is what matters
            if understood(name):
                left.add(name)
    return left


def is_there(folder: int, name: str) -> bool:
    """Whether the folder has something of that name; a link is one, wherever it leads."""
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _write_new(folder: int, name: str, parts: Sequence[Buffer]) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    descriptor = os.open(name, flags, _FILE_MODE, dir_fd=folder)
    try:
        left = [memoryview(part) for part in parts if part]
        while left:
            written = os.writev(descriptor, left)
            while left and written >= len(left[0]):
                written -= len(left.pop(0))
            if left:
                left[0] = left[0][written:]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
