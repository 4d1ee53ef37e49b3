"""What the daemon remembers over a restart: two small files that only this process writes.

`seq` of retained documents must never go back, so its ceiling is on the disk before a number below
it is used, and that file is never replaced by one that is not. The cursor moves with every event
and may be lost: events are delivered again then, and their `seq` tells readers that they have
them. So it has a file of its own, written in place and not waited for: a killed process loses
nothing of it, a power cut some seconds, and neither can leave it empty.
"""

import os
import re
from contextlib import suppress
from pathlib import Path

import msgspec

from cinepi.logs.setup import logger
from cinepid import durable

_BLOCK = 1000  # sequence numbers that one write allows
_CURSOR = re.compile(rb"[0-9]{20}\n")  # always of one length: written over, never cut

_log = logger("memory")


class Remembered(msgspec.Struct, frozen=True, kw_only=True):
    """The content of the file that is forced to the disk.

    Attributes:
        cursor: Where the cursor stood when this was written, should its own file be lost.
        journal: Which journal the cursor is in; empty if nobody has said.
        seq_ceiling: No retained document has been given this `seq` or a higher one yet.
        events_lost: Events that were dropped before they could be delivered, or refused, ever.
        lost_until: Up to this event, those that the journal dropped are among them.
        groups: As changed over MQTT; None if never.
        groups_configured: What the configuration had then.
    """

    cursor: int = 0
    journal: str = ""
    seq_ceiling: int = 1
    events_lost: int = 0
    lost_until: int = 0
    groups: tuple[str, ...] | None = None
    groups_configured: tuple[str, ...] = ()


class Memory:
    """The files, read once.

    Attributes:
        content: What is remembered beside the cursor.
        cursor: The newest event that the broker has acknowledged, and all before it.
    """

    def __init__(self, path: Path) -> None:
        """Read them; a missing or damaged file is an empty one."""
        self._path = path
        self._cursor_path = path.with_suffix(".cursor")
        self._problem = ""
        self.content = self._read()
        self.cursor = self._read_cursor()
        self._next_seq = self._ceiling = self.content.seq_ceiling

    def remember(self, *, cursor: int) -> None:
        """Move the cursor; a few microseconds."""
        self.cursor = cursor
        self._write_cursor()

    def meet_journal(self, journal: str) -> bool:
        """Learn which journal there is; for another one the cursor goes back, and it is True."""
        known = self.content.journal
        if journal in ("", known):
            return False
        if known:
            self._go_back()
        self._change(journal=journal, lost_until=0)
        return known != ""

    def begin_anew(self) -> None:
        """The journal counts again from its first event."""
        self._go_back()
        self._change(lost_until=0)

    def _go_back(self) -> None:
        self.cursor = 0
        with suppress(OSError):  # told with the change that follows
            self._cursor_path.unlink(missing_ok=True)

    def add_gap(self, after: int, until: int, count: int) -> None:
        """Count `count` events between the two that the journal has dropped, each once.

        A gap is met again, and larger, when it could not be told the first time.
        """
        known = max(after, self.content.lost_until)
        new = min(count, until - known)
        if new > 0:
            self._change(events_lost=self.content.events_lost + new, lost_until=until)

    def add_lost(self, count: int, *, is_urgent: bool = True) -> None:
        """Count events that nobody will ever be told of.

        Blocks for a write if it is urgent; else it is on the disk with the next one.
        """
        lost = self.content.events_lost + count
        if is_urgent:
            self._change(events_lost=lost)
        else:
            self.content = msgspec.structs.replace(self.content, events_lost=lost)

    def remember_groups(self, groups: tuple[str, ...] | None, configured: tuple[str, ...]) -> None:
        """Keep groups that were changed over MQTT; blocks for a write."""
        self._change(groups=groups, groups_configured=configured)

    def take_seq(self) -> int:
        """The next sequence number for a retained document; blocks for one write in a thousand."""
        if self._next_seq >= self._ceiling:
            ceiling = self._next_seq + _BLOCK
            if self._change(seq_ceiling=ceiling):
                self._ceiling = ceiling  # else the next number tries again
        self._next_seq += 1
        return self._next_seq - 1

    def _read(self) -> Remembered:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Remembered)
        except FileNotFoundError:
            return Remembered()
        except (OSError, ValueError) as error:  # msgspec's errors, and wrong UTF-8 inside
            _log.warning("state file lost; events are delivered again", reason=str(error))
            return Remembered()

    def _read_cursor(self) -> int:
        try:
            text = self._cursor_path.read_bytes()
        except FileNotFoundError:
            return self.content.cursor
        except OSError as error:
            _log.warning("cursor lost; events are delivered again", reason=str(error))
            return self.content.cursor
        return int(text) if _CURSOR.fullmatch(text) else self.content.cursor

    def _write_cursor(self) -> None:
        try:
            descriptor = os.open(self._cursor_path, os.O_WRONLY | os.O_CREAT, 0o600)
            try:
                is_new = os.fstat(descriptor).st_size == 0
                os.pwrite(descriptor, b"%020d\n" % self.cursor, 0)
                if is_new:
                    os.fsync(descriptor)
                    durable.sync_folder(self._cursor_path)
            finally:
                os.close(descriptor)
        except OSError as error:
            self._complain(error)
        else:
            self._problem = ""

    def _change(self, **changes: object) -> bool:
        """Write the file; a full disk must not end the daemon, which can still tell of it."""
        self.content = msgspec.structs.replace(self.content, cursor=self.cursor, **changes)
        try:
            durable.replace(self._path, msgspec.json.encode(self.content))
        except OSError as error:
            self._complain(error)
            return False
        self._problem = ""
        return True

    def _complain(self, error: OSError) -> None:
        if self._problem != str(error):  # once, not with every number
            self._problem = str(error)
            _log.error("what must be remembered cannot be written", reason=self._problem)
