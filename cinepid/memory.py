"""What the daemon remembers over a restart: a small file that only this process writes.

Losing it does no harm: events are delivered again, and their `seq` tells readers that they have
them. So the cursor is written at most once a second and without forcing it to the disk. `seq` of
retained documents must not go back, so its ceiling is forced to the disk before it is used.
"""

import asyncio
import os
from pathlib import Path

import msgspec

from cinepi.logs.setup import logger
from cinepi.units import Seconds
from cinepid.pulse import Pulse

SAVE_PERIOD: Seconds = 1.0

_BLOCK = 1000  # sequence numbers that one write allows

_log = logger("memory")


class Remembered(msgspec.Struct, frozen=True, kw_only=True):
    """The content of the file.

    Attributes:
        cursor: The newest event that the broker has acknowledged, and all before it.
        seq_ceiling: No retained document has been given this `seq` or a higher one yet.
        events_lost: Events that were dropped before they could be delivered, ever.
        groups: As changed over MQTT; None if never.
        groups_configured: What the configuration had then.
    """

    cursor: int = 0
    seq_ceiling: int = 1
    events_lost: int = 0
    groups: tuple[str, ...] | None = None
    groups_configured: tuple[str, ...] = ()


class Memory:
    """The file, read once and written in the background."""

    def __init__(self, path: Path) -> None:
        """Read it; a missing or damaged file is an empty one."""
        self._path = path
        self._changed = asyncio.Event()
        self.content = self._read()
        self._next_seq = self.content.seq_ceiling

    def remember(self, *, cursor: int) -> None:
        """Move the cursor; `run` writes it soon."""
        self.content = msgspec.structs.replace(self.content, cursor=cursor)
        self._changed.set()

    def add_lost(self, count: int) -> None:
        """Count events that nobody will ever be told of; `run` writes it soon."""
        lost = self.content.events_lost + count
        self.content = msgspec.structs.replace(self.content, events_lost=lost)
        self._changed.set()

    def remember_groups(self, groups: tuple[str, ...] | None, configured: tuple[str, ...]) -> None:
        """Keep groups that were changed over MQTT, at once."""
        self.content = msgspec.structs.replace(
            self.content, groups=groups, groups_configured=configured
        )
        self._write(is_forced=True)

    def take_seq(self) -> int:
        """The next sequence number for a retained document; blocks for one write in a thousand."""
        if self._next_seq >= self.content.seq_ceiling:
            ceiling = self._next_seq + _BLOCK
            self.content = msgspec.structs.replace(self.content, seq_ceiling=ceiling)
            self._write(is_forced=True)
        self._next_seq += 1
        return self._next_seq - 1

    async def run(self, pulse: Pulse) -> None:
        """Write what has changed, until cancelled."""
        while True:
            if await pulse.rest("memory", self._changed):
                self._changed.clear()
                self._write(is_forced=False)
                await asyncio.sleep(SAVE_PERIOD)

    def close(self) -> None:
        """Write what has changed, now."""
        if self._changed.is_set():
            self._write(is_forced=True)

    def _read(self) -> Remembered:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Remembered)
        except FileNotFoundError:
            return Remembered()
        except (OSError, msgspec.MsgspecError) as error:
            _log.warning("state file lost; events are delivered again", reason=str(error))
            return Remembered()

    def _write(self, *, is_forced: bool) -> None:
        """Write the file; a full disk must not end the daemon, which can still tell of it."""
        temporary = self._path.with_suffix(".new")
        try:
            with temporary.open("wb") as file:
                file.write(msgspec.json.encode(self.content))
                if is_forced:
                    file.flush()
                    os.fsync(file.fileno())
            temporary.replace(self._path)
        except OSError as error:
            _log.error("the state file cannot be written", reason=str(error))
