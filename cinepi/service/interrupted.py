"""Changes of the configuration's files that a crash may cut short; the next start ends them."""

import msgspec

from cinepi.config.load import Loaded
from cinepi.envelope import Command
from cinepi.journal import intents
from cinepi.journal.journal import Journal, Transaction
from cinepi.model.events import ConfigRecovered
from cinepi.paths import Layout


class Writing(msgspec.Struct, frozen=True, kw_only=True):
    """A new configuration file.

    Attributes:
        digest: Of its text: a file with another one was not written yet.
        changed: As the event says it.
        source: As the event says it.
        backup_file: The copy of what was before.
        command: Who asked.
        answer: The answer to the command.
    """

    digest: str
    changed: tuple[str, ...]
    source: str
    backup_file: str | None
    command: Command | None
    answer: msgspec.Raw


class Copying(msgspec.Struct, frozen=True, kw_only=True):
    """A copy of the configuration file.

    Attributes:
        backup_file: Its name.
        command: Who asked.
        answer: The answer to the command.
    """

    backup_file: str
    command: Command | None
    answer: msgspec.Raw


class PuttingBack(msgspec.Struct, frozen=True, kw_only=True):
    """The configuration in force takes the place of a file that was broken by hand.

    Attributes:
        recovery: As the event says it.
        command: Who asked.
        answer: The answer to the command.
    """

    recovery: ConfigRecovered
    command: Command | None
    answer: msgspec.Raw


class Interrupted:
    """What an earlier run left behind.

    Attributes:
        found: Whether there is anything to `settle`.
        written: The change that stands in the file already, but not in the journal.
    """

    def __init__(self, layout: Layout, journal: Journal, loaded: Loaded, known: str | None) -> None:
        """Look for it.

        Args:
            layout: Where the files lie.
            journal: Where it was declared.
            loaded: The file as it is.
            known: Its digest, as the journal knows it.
        """
        writings = intents.left(journal, Writing)
        copies = intents.left(journal, Copying)
        puttings = intents.left(journal, PuttingBack)
        self._keys = (*writings, *copies, *puttings)
        self.found = bool(self._keys)
        self._copied = [
            copy for copy in copies.values() if (layout.backups / copy.backup_file).exists()
        ]
        fitting = [
            writing for writing in writings.values() if writing.digest == loaded.digest != known
        ]
        self.written = fitting[0] if fitting else None
        self._put_back = list(puttings.values()) if loaded.digest == known else []
        self._is_told = loaded.recovery is not None  # it was broken still, and this start mended it

    def settle(self, tx: Transaction) -> None:
        """Record the answers to what was done, and forget what was not."""
        written = (self.written,) if self.written else ()
        for done in (*self._copied, *written, *self._put_back):
            tx.finish(done.command, done.answer)
        if not self._is_told:
            for each in self._put_back:
                tx.append(each.recovery)
        for key in self._keys:
            intents.fulfil(tx, key)


def raw(answer: msgspec.Struct) -> msgspec.Raw:
    """An answer as an intent keeps it."""
    return msgspec.Raw(msgspec.json.encode(answer))
