"""Revisions of the configuration: each change is counted, told, and kept as what is in force."""

from cinepi.config import store
from cinepi.journal.journal import Journal, Transaction
from cinepi.model.events import ConfigChanged

_NUMBER, _DIGEST, _TEXT = "config_revision", "config_digest", "config_text"


class Revisions:
    """What the journal knows of the configuration.

    Attributes:
        number: Of the newest revision; 0 before the first.
    """

    def __init__(self, journal: Journal) -> None:
        """Read the newest."""
        self._journal = journal
        self.number = journal.count(_NUMBER)

    def digest(self) -> str | None:
        """Of the text that is in force; None before the first revision."""
        return self._journal.value(_DIGEST)

    def text(self) -> str | None:
        """What was in force last; None before the first revision."""
        return self._journal.value(_TEXT)

    def record(
        self,
        tx: Transaction,
        text: str,
        changed: tuple[str, ...],
        source: str,
        backup_file: str | None,
    ) -> None:
        """Count a change of these paths, and tell it; `backup_file` is the copy made before."""
        number = self.number + 1
        tx.set_value(_NUMBER, str(number))
        self.spell(tx, text)
        tx.append(
            ConfigChanged(revision=number, changed=changed, source=source, backup_file=backup_file)
        )

        def take_effect() -> None:
            self.number = number

        tx.on_commit(take_effect)

    def spell(self, tx: Transaction, text: str) -> None:
        """Keep another text of the same revision: comments, or another spelling."""
        tx.set_value(_DIGEST, store.digest(text))
        tx.set_value(_TEXT, text)
