"""The configuration in force: changed here only, and each change reaches the running parts."""

import threading
from collections.abc import Callable

import msgspec

from cinepi.clock import Clock
from cinepi.config import change, load, store
from cinepi.envelope import Command
from cinepi.errors import CinepiError, ConflictError, InvalidArgumentError, Problem
from cinepi.journal import intents
from cinepi.journal.journal import Journal, Transaction
from cinepi.logs.seldom import Seldom
from cinepi.logs.setup import logger
from cinepi.model.documents import ConfigDocument
from cinepi.model.settings import Config
from cinepi.paths import Layout
from cinepi.protocol import BackupResult, ConfigChangeResult
from cinepi.service.interrupted import Copying, Interrupted, PuttingBack, Writing
from cinepi.service.revisions import Revisions

Plan = Callable[[str, Config], change.Change]
"""Makes the new configuration of the text and the values of the old one."""
Guard = Callable[[Config, tuple[str, ...]], list[Problem]]
"""Says what else is wrong with a new configuration, of which some paths changed."""
InTransaction = Callable[[Transaction, Config, tuple[str, ...]], None]
"""What else belongs to the change, of which these paths are part."""
Outcome = Callable[[ConfigChangeResult, Config], msgspec.Struct]
"""Makes the answer that is recorded for the command."""

_log = logger("config")


class Configuration:
    """Holds the configuration; safe to use from any thread."""

    def __init__(self, layout: Layout, clock: Clock, journal: Journal) -> None:
        """Load the file, or recover it; an edit by hand since the last run is a new revision."""
        self._layout = layout
        self._clock = clock
        self._journal = journal
        self._lock = threading.RLock()
        store.sweep(layout)
        self._revisions = Revisions(journal)
        last_good = self._revisions.text()
        loaded = load.load(layout, clock, last_good=last_good)
        self._seen = self._looked = store.look(layout)
        self._text, self.config = loaded.text, loaded.config
        self._running = loaded.config
        self._failed: str | None = None
        self._seldom = Seldom(clock)
        self.guard: Guard = lambda _config, _changed: []
        self.in_transaction: InTransaction = lambda _tx, _config, _changed: None
        self.applied: Callable[[Config, tuple[str, ...]], None] = lambda _config, _changed: None
        if loaded.recovery:
            _log.error("configuration recovered", **msgspec.structs.asdict(loaded.recovery))
        known = self._revisions.digest()
        self._interrupted = Interrupted(layout, journal, loaded, known)
        if self._interrupted.written:
            return  # no edit by hand: `finish_interrupted` records it
        if loaded.recovery or known != loaded.digest:
            with journal.transaction() as tx:
                if loaded.recovery:
                    tx.append(loaded.recovery)
                source = "recovery" if loaded.recovery else "file"
                self._revisions.record(tx, loaded.text, ("",), source, None)
        elif last_good is None:  # a journal of an earlier version
            with journal.transaction() as tx:
                self._revisions.spell(tx, loaded.text)

    @property
    def revision(self) -> int:
        """Number of the newest change; 0 before the first."""
        return self._revisions.number

    def finish_interrupted(self) -> None:
        """End what a crash cut short; for the start, once the parts are tied together."""
        if not self._interrupted.found:
            return
        with self._journal.transaction() as tx:
            if written := self._interrupted.written:
                changed = written.changed
                self._revisions.record(tx, self._text, changed, written.source, written.backup_file)
                self.in_transaction(tx, self.config, changed)
            self._interrupted.settle(tx)

    def put_back(self, reason: str, command: Command | None) -> ConfigChangeResult:
        """Put the configuration in force in the place of a file that was broken by hand."""
        with self._lock:
            plan = load.planned(self._layout, self._clock, reason=reason, source="running service")
            result = ConfigChangeResult(revision=self.revision)
            putting = PuttingBack(plan=plan, command=command, answer=_raw(result))
            with intents.declared(self._journal, putting) as (key,):
                try:
                    load.put_back(self._layout, self._text, plan)
                    with self._journal.transaction() as tx:
                        tx.append(plan)
                        tx.finish(command, result)
                        intents.fulfil(tx, key)
                except CinepiError:  # broken as before: another try finds what this one found
                    load.take_back(self._layout, plan)
                    raise
        return result

    def document(self) -> ConfigDocument:
        """What the world is told."""
        return ConfigDocument(
            revision=self.revision,
            effective=msgspec.to_builtins(self.config),
            pending_restart=change.pending_restart(self._running, self.config),
        )

    def patch(
        self,
        patch: dict[str, object],
        *,
        base_revision: int | None = None,
        dry_run: bool = False,
        command: Command | None = None,
        outcome: Outcome | None = None,
    ) -> ConfigChangeResult:
        """Change some values (RFC 7396).

        Raises:
            InvalidArgumentError: With every problem; nothing has changed.
            ConflictError: `base_revision` is not the present one.
        """
        return self._change(
            lambda text, config: change.patched(text, config, patch),
            "command",
            base_revision,
            dry_run=dry_run,
            command=command,
            outcome=outcome,
        )

    def replace(
        self,
        config: dict[str, object],
        *,
        source: str = "command",
        base_revision: int | None = None,
        dry_run: bool = False,
        command: Command | None = None,
    ) -> ConfigChangeResult:
        """Change to exactly these values, and defaults for the rest; raises as `patch` does."""
        return self._change(
            lambda text, old: change.replaced(text, old, config),
            source,
            base_revision,
            dry_run=dry_run,
            command=command,
            outcome=None,
        )

    def restore(self, text: str, source: str, command: Command | None) -> ConfigChangeResult:
        """Put the text of a backup, or a new file, in place of the present one."""
        config = load.parse_config(text, source="the backup")
        return self._change(
            lambda _text, old: change.Change(
                config=config,
                text=text,
                changed=change.changed_paths(old, config),
                kept_comments=True,
            ),
            source,
            None,
            dry_run=False,
            command=command,
            outcome=None,
            replaces_file=True,
        )

    def changes_of_file(self) -> tuple[str, ...]:
        """Paths of values that the file has otherwise, as it is on disk now.

        Raises:
            FileNotFoundError: There is none.
            CinepiError: It is wrong.
        """
        return self._read_edit(store.read(self._layout))[1]

    def problem(self) -> str | None:
        """What is wrong with the file as it is on disk now; None where nothing is."""
        try:
            text = store.read(self._layout)
            if text != self._text:
                self._read_edit(text)
        except FileNotFoundError:
            return f"{self._layout.config} is gone; the next change writes it anew"
        except CinepiError as error:
            return f"{self._layout.config} was edited and is wrong now: {error}"
        return None

    def look(self) -> None:
        """Take up an edit by hand, once the file has been left alone from one look to the next.

        A wrong one changes nothing; it is logged once, and `problem` tells of it.
        """
        now = store.look(self._layout)
        was, self._looked = self._looked, now
        is_edit = now and now == was and now != self._seen
        if not is_edit and self._failed is None:
            return
        if not self._lock.acquire(blocking=False):
            return  # a change is under way; who looks must not wait for a slow disk
        try:
            if is_edit:
                self._take_up_edit()
                self._seen = now
            else:
                self._undo_failed()
        except InvalidArgumentError as error:
            self._seen = now  # a wrong one is told once
            _log.error("an edit of the configuration is not taken up", reason=str(error))
        except CinepiError as error:  # disk or journal: the next look tries again
            if self._seldom.is_due("edit"):
                _log.error("an edit of the configuration has to wait", reason=str(error))
        finally:
            self._lock.release()

    def back_up(self, command: Command | None) -> BackupResult:
        """Copy the file as it is.

        Raises:
            ConflictError: There is no file.
            CinepiError: The copy cannot be written.
        """
        with self._lock:
            result = BackupResult(backup_file=store.next_name(self._layout, self._clock))
            copying = Copying(backup_file=result.backup_file, command=command, answer=_raw(result))
            with intents.declared(self._journal, copying) as (key,):
                store.copy_as(self._layout, result.backup_file)
                with self._journal.transaction() as tx:
                    tx.finish(command, result)
                    intents.fulfil(tx, key)
        return result

    def _change(
        self,
        plan: Plan,
        source: str,
        base_revision: int | None,
        *,
        dry_run: bool,
        command: Command | None,
        outcome: Outcome | None,
        replaces_file: bool = False,
    ) -> ConfigChangeResult:
        with self._lock:
            if not replaces_file:
                self._take_up_edit()
            if base_revision is not None and base_revision != self.revision:
                message = (
                    f"base_revision is {base_revision}, but the configuration has revision "
                    f"{self.revision}: read it again"
                )
                raise ConflictError(message, Problem("/base_revision", message))
            planned = plan(self._text, self.config)
            if problems := self.guard(planned.config, planned.changed):
                raise InvalidArgumentError.of(problems)
            result = ConfigChangeResult(
                revision=self.revision + bool(planned.changed),
                changed=planned.changed,
                pending_restart=change.pending_restart(self._running, planned.config),
                kept_comments=planned.kept_comments,
                dry_run=dry_run,
            )
            if dry_run or not planned.changed:
                return msgspec.structs.replace(result, revision=self.revision)
            if self.config.system.backup_enabled:
                backup = self._keep_copy()
                result = msgspec.structs.replace(result, backup_file=backup)
            answer = outcome(result, planned.config) if outcome else result
            self._write(planned, result, source, command, answer)
        self.applied(planned.config, planned.changed)
        return result

    def _keep_copy(self) -> str:
        """Back up the file, or what is in force where somebody has removed the file."""
        try:
            return store.back_up(self._layout, self._clock)
        except ConflictError:
            name = store.next_name(self._layout, self._clock)
            store.keep_as(self._layout, name, self._text)
            return name

    def _write(
        self,
        planned: change.Change,
        result: ConfigChangeResult,
        source: str,
        command: Command | None,
        answer: msgspec.Struct,
    ) -> None:
        """File first, journal second; after a crash in between the next start ends it."""
        digest = store.digest(planned.text)
        writing = Writing(
            digest=digest,
            changed=planned.changed,
            source=source,
            backup_file=result.backup_file,
            command=command,
            answer=_raw(answer),
        )
        with intents.declared(self._journal, writing) as (key,):
            try:
                store.write(self._layout, planned.text)
                with self._journal.transaction() as tx:
                    self._revisions.record(
                        tx, planned.text, planned.changed, source, result.backup_file
                    )
                    self.in_transaction(tx, planned.config, planned.changed)
                    tx.finish(command, answer)
                    intents.fulfil(tx, key)
            except CinepiError:
                self._failed = planned.text
                self._undo_failed()
                raise
        self._text, self.config = planned.text, planned.config

    def _undo_failed(self) -> None:
        """Take a change that failed half way out of the file, or it would pass for an edit by hand.

        The disk may refuse that too: then it is tried again at the next look.
        """
        if self._failed is None:
            return
        try:
            if store.read(self._layout) == self._failed:
                store.write(self._layout, self._text)
        except CinepiError as error:
            if self._seldom.is_due("undo"):
                _log.error("a change that failed is still in the file", reason=str(error))
            return
        except FileNotFoundError:
            pass  # somebody was faster
        self._failed = None

    def _read_edit(self, text: str) -> tuple[Config, tuple[str, ...]]:
        """An edited file, and the paths of what it changes.

        Raises:
            InvalidArgumentError: It is wrong, or asks for what this camera cannot do.
        """
        config = load.parse_config(text, source=self._layout.config.name)
        changed = change.changed_paths(self.config, config)
        if problems := self.guard(config, changed):
            raise InvalidArgumentError.of(problems)
        return config, changed

    def _take_up_edit(self) -> None:
        """Somebody may have edited the file since: their change comes first.

        Raises:
            InvalidArgumentError: The edited file is wrong; it must be mended before any change.
        """
        self._undo_failed()
        try:
            text = store.read(self._layout)
        except FileNotFoundError:  # the change writes it anew
            return
        if text in (self._text, self._failed):
            return
        config, changed = self._read_edit(text)
        if not changed:  # comments, or another spelling
            with self._journal.transaction() as tx:
                self._revisions.spell(tx, text)
            self._text = text
            return
        backup = None
        if self.config.system.backup_enabled:
            backup = store.next_name(self._layout, self._clock)
            store.keep_as(self._layout, backup, self._text)
        with self._journal.transaction() as tx:
            self._revisions.record(tx, text, changed, "file", backup)
            self.in_transaction(tx, config, changed)
        self._text, self.config = text, config
        self.applied(config, changed)


def _raw(answer: msgspec.Struct) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(answer))
