"""Which command a found picture answers: one whose answer a crash kept back."""

import msgspec

from cinepi.capture.reindex import Described
from cinepi.envelope import Command
from cinepi.journal.journal import Journal, Transaction
from cinepi.journal.net import understood
from cinepi.journal.requests import KEPT
from cinepi.model.documents import CaptureDocument
from cinepi.units import Seconds

_KEY = "adopted_pictures"
_MOST = 100  # a kill leaves one; a broker repeats within minutes


class Adopted:
    """Pictures whose command had no answer yet when the power went: its repeat finds them here.

    For as long as a repeat is one: the same id is another command later.
    """

    def __init__(self, journal: Journal) -> None:
        """Read which there are."""
        self._journal = journal
        raw = journal.value(_KEY)
        self._found = understood(raw, dict[str, tuple[str, Seconds]], "adopted pictures") or {}

    def add(self, tx: Transaction, picture: Described) -> None:
        """Remember a picture by the digest of its command, if it was one that asked for it."""
        if picture.command is None:
            return
        self._found[picture.command] = picture.document.filename, self._journal.age()
        for digest in list(self._found)[:-_MOST]:
            del self._found[digest]
        tx.set_value(_KEY, msgspec.json.encode(self._found).decode())

    def find(self, command: Command) -> CaptureDocument | None:
        """The picture that was taken for a command; None if it was not cut short."""
        name, at = self._found.get(command.digest, ("", -KEPT))
        return self._journal.capture(name) if self._journal.age() - at < KEPT else None
