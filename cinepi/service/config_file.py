"""The configuration's file: is it what is in force, and if not, is it to be?"""

from cinepi.clock import Clock
from cinepi.config import change, load, store
from cinepi.config.parse import Reading, read_config
from cinepi.envelope import Command
from cinepi.errors import (
    CinepiError,
    ConflictError,
    InvalidArgumentError,
    PermissionDeniedError,
    Problem,
)
from cinepi.journal import intents
from cinepi.journal.journal import Journal
from cinepi.logs.seldom import Seldom
from cinepi.logs.setup import logger
from cinepi.model.settings import Config
from cinepi.paths import Layout
from cinepi.protocol import ConfigChangeResult
from cinepi.service.followers.registry import Followers
from cinepi.service.in_force import InForce, tell_unused
from cinepi.service.interrupted import PuttingBack, raw

_log = logger("config")


class ConfigFile:
    """`cinepi.yaml` on the disk, beside the settings in force.

    `Configuration` holds its lock around everything but `has_work` and `problem`.
    """

    def __init__(
        self,
        layout: Layout,
        clock: Clock,
        journal: Journal,
        in_force: InForce,
        followers: Followers,
    ) -> None:
        """Take the file as it is now for the one in force, unless that could not be read."""
        self._layout = layout
        self._clock = clock
        self._journal = journal
        self._in_force = in_force
        self._followers = followers
        self._looked = store.look(layout)
        # A file that did not count at the start has not been seen: the first look tries it again.
        self._seen = () if in_force.trouble else self._looked
        self._failed: str | None = None
        self._seldom = Seldom(clock)

    def has_work(self) -> bool:
        """Whether the file wants to be looked into; for one look after the other.

        Editors save in several steps, so an edit counts once the file looks the same twice. A
        change that failed and still stands in the file is work, too.
        """
        now = store.look(self._layout)
        was, self._looked = self._looked, now
        return self._failed is not None or bool(now and now == was and now != self._seen)

    def look(self) -> None:
        """Take up what somebody has written; never raises.

        A file that cannot be used is logged once, and `problem` tells of it. Where disk or journal
        fail, the next look tries again.
        """
        try:
            self.take_up_edit()
            self._seen = self._looked
        except InvalidArgumentError as error:
            self._seen = self._looked
            _log.error("an edit of the configuration is not taken up", reason=str(error))
        except CinepiError as error:
            if self._seldom.is_due("edit"):
                _log.error("an edit of the configuration has to wait", reason=str(error))

    def take_up_edit(self) -> None:
        """Bring an edit by hand into force, as a revision of its own.

        Lines that are not understood, or ask for what this camera cannot do, set nothing.

        Raises:
            InvalidArgumentError: Nothing of the file can be used; it must be mended before any
                change.
            CinepiError: The file cannot be read, or the journal cannot be written.
        """
        self._undo_failed()
        try:
            reading = self._edit()
        except FileNotFoundError:  # the next change writes it anew
            return
        if reading is None:
            return
        tell_unused(reading.problems)
        changed = change.changed_paths(self._in_force.config, reading.config)
        if not changed:  # comments, another spelling, or lines that are not used
            with self._journal.transaction() as tx:
                self._in_force.spell(tx, reading)
            return
        backup = None
        if self._in_force.config.system.backup_enabled:
            backup = store.next_name(self._layout, self._clock)
            store.keep_as(self._layout, backup, self._in_force.text)
        with self._journal.transaction() as tx:
            self._in_force.change(tx, reading, changed, "file", backup)
            self._followers.join(tx, reading.config, changed)
        self._followers.follow(self._in_force.config, changed)

    def problem(self) -> str | None:
        """Why the file is not what is in force, or soon will be; None where it is."""
        try:
            self._edit()
        except FileNotFoundError:
            return f"{self._layout.config} is gone; the next change writes it anew"
        except PermissionDeniedError as error:
            return f"{error}; what was in force before stays in force"
        except CinepiError as error:
            return f"{self._layout.config} was edited and is wrong now: {error}"
        return None

    def changes(self) -> tuple[str, ...]:
        """Pointers to the values that the file has otherwise, as it is on disk now.

        Raises:
            FileNotFoundError: There is none.
            InvalidArgumentError: With everything that is wrong with it.
            CinepiError: It cannot be read.
        """
        text, source = store.read(self._layout), self._layout.config.name
        config = load.parse_config(text, source=source)
        reading = read_config(text, source=source, objections=self._objections)
        if reading.problems:
            raise InvalidArgumentError.of(reading.problems)
        return change.changed_paths(self._in_force.config, config)

    def back_up(self) -> str:
        """Copy the file, or what is in force where somebody has removed it; the copy's name.

        Raises:
            CinepiError: The copy cannot be written.
        """
        try:
            return store.back_up(self._layout, self._clock)
        except ConflictError:
            name = store.next_name(self._layout, self._clock)
            store.keep_as(self._layout, name, self._in_force.text)
            return name

    def recover(self, command: Command | None) -> ConfigChangeResult:
        """Put the configuration in force in the place of a file that was broken by hand.

        Raises:
            ConflictError: The file is sound: there is nothing to recover.
            PermissionDeniedError: It may not be read, so nobody can tell whether it is sound.
            CinepiError: It cannot be replaced.
        """
        try:
            self._edit()
        except FileNotFoundError:
            reason = f"{self._layout.config} is gone"
        except PermissionDeniedError:
            raise
        except CinepiError as error:
            reason = str(error)
        else:
            raise ConflictError(self._nothing_to_recover())
        recovery = load.recovery_of(
            self._layout, self._clock, reason=reason, source="running service"
        )
        result = ConfigChangeResult(revision=self._in_force.revision)
        putting = PuttingBack(recovery=recovery, command=command, answer=raw(result))
        with intents.declared(self._journal, putting) as (key,):
            try:
                load.put_back(self._layout, self._in_force.text, recovery)
                with self._journal.transaction() as tx:
                    tx.append(recovery)
                    tx.finish(command, result)
                    intents.fulfil(tx, key)
            except CinepiError:  # broken as before: another try finds what this one found
                load.take_back(self._layout, recovery)
                raise
        return result

    def fail(self, text: str) -> None:
        """Take a text out of the file that stands in it, or may, and never came into force."""
        self._failed = text
        self._undo_failed()

    def _undo_failed(self) -> None:
        """A change that failed half way would pass for an edit by hand, so it has to go.

        The disk may refuse that too: then it is tried again at the next look.
        """
        if self._failed is None:
            return
        try:
            if store.read(self._layout) == self._failed:
                store.write(self._layout, self._in_force.text)
        except CinepiError as error:
            if self._seldom.is_due("undo"):
                _log.error("a change that failed is still in the file", reason=str(error))
            return
        except FileNotFoundError:
            pass  # somebody was faster
        self._failed = None

    def _edit(self) -> Reading | None:
        """What somebody has written into the file; None where it says what is in force.

        Raises:
            FileNotFoundError: There is no file.
            InvalidArgumentError: Nothing of it can be used.
            CinepiError: It cannot be read.
        """
        text = store.read(self._layout)
        if text in (self._in_force.text, self._failed):
            return None
        return read_config(
            text,
            source=self._layout.config.name,
            before=self._in_force.config,
            objections=self._objections,
        )

    def _objections(self, config: Config) -> list[Problem]:
        """What the followers object to in a file that somebody has edited."""
        changed = change.changed_paths(self._in_force.config, config)
        return self._followers.problems(config, changed)

    def _nothing_to_recover(self) -> str:
        name = self._layout.config.name
        state = f"{name} is sound and in force: there is nothing to recover"
        if self._in_force.problems:
            state = f"{name} is in force, but for the lines that health names: mend them by hand"
        return f"{state}. To go back to an older one, use config/restore"
