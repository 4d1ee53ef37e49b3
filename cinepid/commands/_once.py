"""Which commands have come lately, so that one that comes twice is done and answered once.

The camera service's journal does this for commands that change something, over restarts too. Here
is what it cannot know: what is under way, which answers the broker has, and answers to questions.
"""

import asyncio
from collections.abc import Callable

import msgspec

from cinepi.units import Bytes, MonotonicTime, Seconds
from cinepid.payloads import Answer

MEMORY: Seconds = 600.0
MAX_ENTRIES = 1000
MAX_BYTES: Bytes = 1024 * 1024
"""Answers kept in all; without its answer, a repeated question is asked again."""


class Entry:
    """One command that came.

    Attributes:
        fingerprint: Of what it asks for.
        since: When it came.
        finished: Done when there is an answer, or when it was given up.
        answer: The final answer; None while it runs, or if it was not kept.
        is_recorded: Whether the journal keeps its answer too.
        is_delivered: Whether the broker has the answer.
        delivering: Held while its answer is sent.
        copies: Acknowledges the copies that the broker delivered again meanwhile.
    """

    def __init__(self, fingerprint: str, since: MonotonicTime, *, is_recorded: bool) -> None:
        """Begin."""
        self.fingerprint = fingerprint
        self.since = since
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.answer: Answer | None = None
        self.is_recorded = is_recorded
        self.is_delivered = False
        self.delivering = asyncio.Lock()
        self.copies: list[Callable[[], None]] = []


class Once:
    """The commands of the last ten minutes, oldest first; bounded in number and size."""

    def __init__(self) -> None:
        """Start without any."""
        self._entries: dict[str, Entry] = {}
        self._sizes: dict[str, Bytes] = {}
        self._bytes: Bytes = 0

    def find(self, command_id: str) -> Entry | None:
        """What is known of a command."""
        return self._entries.get(command_id)

    def find_prefix(self, prefix: str) -> str | None:
        """The newest id that begins so."""
        return next((key for key in reversed(self._entries) if key.startswith(prefix)), None)

    def begin(
        self, command_id: str, fingerprint: str, now: MonotonicTime, *, is_recorded: bool
    ) -> Entry:
        """A command starts; forgets the oldest where it must."""
        self._forget(now)
        entry = self._entries[command_id] = Entry(fingerprint, now, is_recorded=is_recorded)
        return entry

    def finish(self, command_id: str, answer: Answer) -> None:
        """It has its final answer."""
        entry = self._entries.get(command_id)
        if entry is None:
            return
        entry.answer = answer
        self._sizes[command_id] = size = len(msgspec.json.encode(answer))
        self._bytes += size
        if not entry.finished.done():
            entry.finished.set_result(None)

    def drop(self, command_id: str) -> None:
        """Forget it: the same id may be tried again."""
        entry = self._entries.pop(command_id, None)
        self._bytes -= self._sizes.pop(command_id, 0)
        if entry is not None and not entry.finished.done():
            entry.finished.set_result(None)

    def _forget(self, now: MonotonicTime) -> None:
        for key, oldest in list(self._entries.items()):
            is_small = len(self._entries) < MAX_ENTRIES and self._bytes < MAX_BYTES
            if is_small and now - oldest.since < MEMORY:
                break
            if oldest.finished.done():  # one that still runs is not forgotten
                self.drop(key)
