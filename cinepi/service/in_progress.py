"""The commands that run just now: of two with one id, the second waits for the first."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from cinepi.envelope import Command
from cinepi.journal.requests import used_for_another


class InProgress:
    """Commands by their ids; may be used from any thread."""

    def __init__(self) -> None:
        """Begin with none."""
        self._changed = threading.Condition()
        self._fingerprints: dict[str, str] = {}

    @contextmanager
    def alone(self, command: Command) -> Iterator[None]:
        """Hold the id of a command while the block runs; waits, however long, for its turn.

        Raises:
            ConflictError: The id is in use for a command that says something else.
        """
        with self._changed:
            if self._fingerprints.get(command.id, command.fingerprint) != command.fingerprint:
                raise used_for_another(command)
            self._changed.wait_for(lambda: command.id not in self._fingerprints)
            self._fingerprints[command.id] = command.fingerprint
        try:
            yield
        finally:
            with self._changed:
                del self._fingerprints[command.id]
                self._changed.notify_all()

    def has(self, command_id: str) -> bool:
        """Whether a command of this id runs."""
        return command_id in self._fingerprints

    def find(self, prefix: str) -> str | None:
        """The id of a command that runs, by how it begins."""
        with self._changed:
            return next((each for each in self._fingerprints if each.startswith(prefix)), None)
