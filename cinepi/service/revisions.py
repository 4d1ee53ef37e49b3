"""Revisions of the configuration: each change is counted, told, and kept as what is in force."""

import msgspec

from cinepi.config import store
from cinepi.config.load import Known
from cinepi.config.parse import Reading, nearest, read_config
from cinepi.errors import CinepiError
from cinepi.journal.journal import Journal, Transaction
from cinepi.journal.net import understood
from cinepi.model.events import ConfigChanged

_NUMBER, _DIGEST = "config_revision", "config_digest"
_TEXT, _VALUES = "config_text", "config_values"


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

    def known(self) -> Known:
        """What was in force last.

        The values are kept beside the text: where the text has `iso: 9000`, only they tell that the
        ISO was 400.
        """
        text = self._journal.value(_TEXT)
        values = understood(
            self._journal.value(_VALUES), dict[str, object], "the configuration in force"
        )
        if values is not None:
            return Known(text, nearest(values))
        if text is None:
            return Known()
        try:  # a journal of an earlier version
            return Known(text, read_config(text, source="the last configuration").config)
        except CinepiError:
            return Known(text)

    def is_complete(self) -> bool:
        """Whether the journal has text and values; that of an earlier version has not."""
        return self._journal.value(_TEXT) is not None and self._journal.value(_VALUES) is not None

    def record(
        self,
        tx: Transaction,
        reading: Reading,
        changed: tuple[str, ...],
        source: str,
        backup_file: str | None,
    ) -> None:
        """Count a change of these paths, and tell it; `backup_file` is the copy made before."""
        number = self.number + 1
        tx.set_value(_NUMBER, str(number))
        self.spell(tx, reading)
        tx.append(
            ConfigChanged(revision=number, changed=changed, source=source, backup_file=backup_file)
        )

        def take_effect() -> None:
            self.number = number

        tx.on_commit(take_effect)

    def spell(self, tx: Transaction, reading: Reading) -> None:
        """Keep another text of the same revision: comments, or another spelling."""
        tx.set_value(_DIGEST, store.digest(reading.text))
        tx.set_value(_TEXT, reading.text)
        tx.set_value(_VALUES, msgspec.json.encode(reading.config).decode())
