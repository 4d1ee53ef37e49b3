"""Changes of the settings in force, one after the other."""

import threading
from collections.abc import Callable

import msgspec

from cinepi.clock import Clock
from cinepi.config import change, store
from cinepi.config.parse import Reading, read_config
from cinepi.envelope import Command
from cinepi.errors import CinepiError, ConflictError, InvalidArgumentError, Problem
from cinepi.journal import intents
from cinepi.journal.journal import Journal
from cinepi.model.settings import Config
from cinepi.paths import Layout
from cinepi.protocol import BackupResult, ConfigChangeResult
from cinepi.service.config_file import ConfigFile
from cinepi.service.followers.registry import Followers
from cinepi.service.in_force import InForce
from cinepi.service.interrupted import Copying, Writing, raw

MakeChange = Callable[[Reading], change.Change]
"""Makes the new configuration of the one in force."""
Outcome = Callable[[ConfigChangeResult, Config], msgspec.Struct]
"""Makes the answer that is recorded for the command."""


class Configuration:
    """The one place where settings change; safe to use from any thread.

    One lock is held from the look at the file until all followers have acted, so changes take
    effect, and are followed, one after the other.
    """

    def __init__(
        self,
        layout: Layout,
        clock: Clock,
        journal: Journal,
        in_force: InForce,
        followers: Followers,
    ) -> None:
        """Change what is `in_force`; the followers are asked before, and told after."""
        self._layout = layout
        self._clock = clock
        self._journal = journal
        self._in_force = in_force
        self._followers = followers
        self._file = ConfigFile(layout, clock, journal, in_force, followers)
        self._lock = threading.RLock()

    def finish_interrupted(self) -> None:
        """End what a crash cut short; for the start, before anybody asks for a change."""
        interrupted = self._in_force.interrupted
        if not interrupted.found:
            return
        with self._journal.transaction() as tx:
            if written := interrupted.written:
                reading, changed = self._in_force.reading, written.changed
                self._in_force.change(tx, reading, changed, written.source, written.backup_file)
                self._followers.join(tx, reading.config, changed)
            interrupted.settle(tx)

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

        Args:
            patch: The values to change, such as `{"camera": {"iso": 400}}`.
            base_revision: The revision on which the caller builds; None for whichever it is.
            dry_run: Whether only to say what would change.
            command: Who asks.
            outcome: Makes the answer for the command, where that is not the result itself.

        Raises:
            InvalidArgumentError: With every problem; nothing has changed.
            ConflictError: `base_revision` is not the present one.
            CinepiError: It cannot be written; nothing has changed.
        """
        return self._change(
            lambda old: change.patched(old.text, old.config, patch, self._in_force.unused),
            "command",
            base_revision=base_revision,
            dry_run=dry_run,
            command=command,
            outcome=outcome,
        )

    def replace(
        self,
        config: dict[str, object],
        *,
        base_revision: int | None = None,
        dry_run: bool = False,
        command: Command | None = None,
    ) -> ConfigChangeResult:
        """Change to exactly these values, and defaults for the rest; see `patch`."""
        return self._change(
            lambda old: change.replaced(old.text, old.config, config, self._in_force.unused),
            "command",
            base_revision=base_revision,
            dry_run=dry_run,
            command=command,
        )

    def restore(self, text: str, command: Command | None) -> ConfigChangeResult:
        """Put the text of a backup in place of the file, whatever is in that; see `patch`.

        What is not understood in it stays in the file and sets nothing.
        """

        def put_back(old: Reading) -> change.Change:
            reading = read_config(text, source="the backup", before=old.config)
            changed = change.changed_paths(old.config, reading.config)
            return change.Change(reading.config, text, changed, kept_comments=True)

        return self._change(put_back, "restore", command=command, replaces_file=True)

    def recover(self, command: Command | None) -> ConfigChangeResult:
        """Put what is in force in the place of a broken file; see `ConfigFile.recover`."""
        with self._lock:
            return self._file.recover(command)

    def back_up(self, command: Command | None) -> BackupResult:
        """Copy the file as it is.

        Raises:
            ConflictError: There is no file.
            CinepiError: The copy cannot be written.
        """
        with self._lock:
            result = BackupResult(backup_file=store.next_name(self._layout, self._clock))
            copying = Copying(backup_file=result.backup_file, command=command, answer=raw(result))
            with intents.declared(self._journal, copying) as (key,):
                store.copy_as(self._layout, result.backup_file)
                with self._journal.transaction() as tx:
                    tx.finish(command, result)
                    intents.fulfil(tx, key)
        return result

    def changes_of_file(self) -> tuple[str, ...]:
        """What the file says otherwise, where all of it is right; see `ConfigFile.changes`."""
        return self._file.changes()

    def problem(self) -> str | None:
        """Why the file is not what is in force, in a sentence; None where it is."""
        return self._file.problem()

    def look(self) -> None:
        """Take up an edit by hand, once the file has been left alone from one look to the next."""
        if not self._file.has_work() or not self._lock.acquire(blocking=False):
            return  # a change is under way; who looks must not wait for a slow disk
        try:
            self._file.look()
        finally:
            self._lock.release()

    def _change(
        self,
        make: MakeChange,
        source: str,
        *,
        base_revision: int | None = None,
        dry_run: bool = False,
        command: Command | None = None,
        outcome: Outcome | None = None,
        replaces_file: bool = False,
    ) -> ConfigChangeResult:
        with self._lock:
            # Somebody may have edited the file since the last look. Their change comes first, and
            # this one builds on it; a restored backup takes the place of both.
            if not replaces_file:
                self._file.take_up_edit()
            old = self._in_force
            _check_base(base_revision, old.revision)
            wanted = make(old.reading)
            if problems := self._followers.problems(wanted.config, wanted.changed):
                raise InvalidArgumentError.of(problems)
            result = ConfigChangeResult(
                revision=old.revision + bool(wanted.changed),
                changed=wanted.changed,
                pending_restart=old.pending_restart(wanted.config),
                kept_comments=wanted.kept_comments,
                dry_run=dry_run,
            )
            if dry_run or not wanted.changed:
                return msgspec.structs.replace(result, revision=old.revision)
            if old.config.system.backup_enabled:
                result = msgspec.structs.replace(result, backup_file=self._file.back_up())
            answer = outcome(result, wanted.config) if outcome else result
            self._write(wanted, result, source, command, answer)
        return result

    def _write(
        self,
        wanted: change.Change,
        result: ConfigChangeResult,
        source: str,
        command: Command | None,
        answer: msgspec.Struct,
    ) -> None:
        """Write the file first, and the journal second.

        After a crash in between, the next start finds the intent, sees by the digest whether the
        file was written, and ends the change or forgets it.
        """
        name, changed = self._layout.config.name, wanted.changed
        reading = read_config(wanted.text, source=name, before=wanted.config)
        writing = Writing(
            digest=store.digest(wanted.text),
            changed=changed,
            source=source,
            backup_file=result.backup_file,
            command=command,
            answer=raw(answer),
        )
        with intents.declared(self._journal, writing) as (key,):
            try:
                store.write(self._layout, wanted.text)
                with self._journal.transaction() as tx:
                    self._in_force.change(tx, reading, changed, source, result.backup_file)
                    self._followers.join(tx, reading.config, changed)
                    tx.finish(command, answer)
                    intents.fulfil(tx, key)
            except CinepiError:
                self._file.fail(wanted.text)
                raise
        self._followers.follow(self._in_force.config, changed)


def _check_base(base_revision: int | None, revision: int) -> None:
    if base_revision not in (None, revision):
        message = (
            f"base_revision is {base_revision}, but the configuration has revision "
            f"{revision}: read it again"
        )
        raise ConflictError(message, Problem("/base_revision", message))
