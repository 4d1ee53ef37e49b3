"""The settings in force: a value and its revision, read by everybody and changed in one place."""

from typing import Self

import msgspec

from cinepi.clock import Clock
from cinepi.config import change, load, store
from cinepi.config.parse import Reading
from cinepi.errors import CinepiError, Problem
from cinepi.journal.journal import Journal, Transaction
from cinepi.logs.setup import logger
from cinepi.model.documents import ConfigDocument
from cinepi.model.settings import Config
from cinepi.paths import Layout
from cinepi.service.interrupted import Interrupted
from cinepi.service.revisions import Revisions

_log = logger("config")


class InForce:
    """The settings in force. Any thread may read them; only `Configuration` changes them.

    Attributes:
        interrupted: What the run before left half done.
        trouble: Why the file did not count at the start; None where it did.
    """

    def __init__(
        self,
        reading: Reading,
        revisions: Revisions,
        interrupted: Interrupted,
        trouble: str | None = None,
    ) -> None:
        """Hold the settings as they were read; see `begin`."""
        self._reading = reading
        self._revisions = revisions
        self._running = reading.config
        self.interrupted = interrupted
        self.trouble = trouble

    @classmethod
    def begin(cls, layout: Layout, clock: Clock, journal: Journal) -> Self:
        """Load the file, or recover it; an edit by hand since the last run is a new revision.

        Blocks for some ms, and where it writes, until the disk has it.

        Raises:
            CinepiError: As `load` does, and where the journal cannot be written.
        """
        try:
            store.sweep(layout)
        except CinepiError as error:  # what is left over does no harm
            _log.warning("leftovers of the configuration stay", reason=str(error))
        revisions = Revisions(journal)
        loaded = load.load(layout, clock, revisions.known())
        known = revisions.digest()
        interrupted = Interrupted(layout, journal, loaded, known)
        tell_unused(loaded.reading.problems)
        if loaded.trouble:  # nothing new is in force, so nothing is recorded
            _log.error("the configuration file does not count", reason=loaded.trouble)
        elif interrupted.written:
            pass  # no edit by hand: `Configuration.finish_interrupted` records it
        elif loaded.recovery or known != loaded.digest:
            if loaded.recovery:
                _log.error("configuration recovered", **msgspec.structs.asdict(loaded.recovery))
            with journal.transaction() as tx:
                if loaded.recovery:
                    tx.append(loaded.recovery)
                source = "recovery" if loaded.recovery else "file"
                revisions.record(tx, loaded.reading, ("",), source, None)
        elif not revisions.is_complete():  # a journal of an earlier version
            with journal.transaction() as tx:
                revisions.spell(tx, loaded.reading)
        return cls(loaded.reading, revisions, interrupted, loaded.trouble)

    @property
    def config(self) -> Config:
        """The values."""
        return self._reading.config

    @property
    def text(self) -> str:
        """The file that says so."""
        return self._reading.text

    @property
    def reading(self) -> Reading:
        """Values, text and problems, which belong together."""
        return self._reading

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is not understood in the text, and so sets nothing."""
        return self._reading.problems

    @property
    def unused(self) -> tuple[str, ...]:
        """Pointers to what is not understood in the text."""
        return tuple(problem.field for problem in self._reading.problems)

    @property
    def revision(self) -> int:
        """Number of the newest change; 0 before the first."""
        return self._revisions.number

    def document(self) -> ConfigDocument:
        """What the world is told."""
        return ConfigDocument(
            revision=self.revision,
            effective=msgspec.to_builtins(self.config),
            pending_restart=self.pending_restart(self.config),
        )

    def pending_restart(self, config: Config) -> tuple[str, ...]:
        """Pointers to those of `config` that will be followed after a restart."""
        return change.pending_restart(self._running, config)

    def change(
        self,
        tx: Transaction,
        reading: Reading,
        changed: tuple[str, ...],
        source: str,
        backup_file: str | None,
    ) -> None:
        """Make a new revision, in force from the commit on; see `Revisions.record`."""
        self._revisions.record(tx, reading, changed, source, backup_file)
        tx.on_commit(lambda: self._replace(reading))

    def spell(self, tx: Transaction, reading: Reading) -> None:
        """Keep another text that says the same, or leaves other things out."""
        self._revisions.spell(tx, reading)
        tx.on_commit(lambda: self._replace(reading))

    def _replace(self, reading: Reading) -> None:
        self._reading = reading


def tell_unused(problems: tuple[Problem, ...]) -> None:
    """Log each line of the file that is not used."""
    for problem in problems:
        _log.warning("a line of the configuration is not used", reason=problem.message)
