"""The disk under the captures: how much is left, and what happens when nothing is."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice, tee

from cinepi.capture.removal import remove
from cinepi.capture.store import Store
from cinepi.capture.take import Taker
from cinepi.clock import Clock
from cinepi.errors import CinepiError, ConflictError, StorageFullError
from cinepi.journal.captures import NameAndSize
from cinepi.journal.journal import Journal
from cinepi.logs.seldom import Seldom
from cinepi.logs.setup import logger
from cinepi.model.documents import StorageDocument, StorageState
from cinepi.model.events import StorageLow, StorageRecovered
from cinepi.model.settings import CaptureSettings
from cinepi.service.tidying import Tidying
from cinepi.timing.keeper import SessionKeeper
from cinepi.units import MEGABYTE, Bytes, Seconds

LOW_PICTURES = 50
"""`low` is announced when fewer typical pictures fit above the reserve."""
ROOM_PICTURES = 4
"""Deleting the oldest, or waiting, goes on until so many typical pictures fit."""

MAKE_ROOM_LIMIT: Seconds = 5.0
"""So long at most the shutter deletes for one picture. Where that is not enough, the next one goes
on: a shutter that deletes for minutes would be taken for one that hangs."""

_BATCH = 20  # pictures deleted in one transaction, which takes up to a second on a bad card
_PAGE = 500  # entries that are compared with the folder at once
_DAY_S = 86_400
_ANNOUNCED = "storage_low"

_log = logger("storage")


class Storage:
    """Watches the disk; `check` is called every few seconds, `handle_full` by the shutter."""

    def __init__(
        self,
        *,
        store: Store,
        taker: Taker,
        journal: Journal,
        keeper: SessionKeeper,
        clock: Clock,
        settings: Callable[[], CaptureSettings],
        on_change: Callable[[], None],
        tidying: Tidying,
    ) -> None:
        """Watch the disk of `store`.

        Args:
            store: The folder of the pictures.
            taker: Knows how large they are.
            journal: Where it is told.
            keeper: Whose session waits for room.
            clock: The time.
            settings: The reserve and the policy, as they are now.
            on_change: Called when a `check` saw a change.
            tidying: Knows whether the folder is the right one, and puts it in order.
        """
        self._store = store
        self._taker = taker
        self._journal = journal
        self._keeper = keeper
        self._settings = settings
        self._on_change = on_change
        self._tidying = tidying
        self._is_announced = journal.value(_ANNOUNCED) is not None
        self._seldom = Seldom(clock)
        self._last_seen: tuple[Bytes, Bytes] = 0, 0
        self._document = StorageDocument()

    def document(self) -> StorageDocument:
        """What the world is told, as of now; a disk that fails is a document too."""
        problem = self._tidying.problem
        is_usable = self._tidying.refusal is None
        if is_usable:
            try:
                self._last_seen = self._store.disk()
            except CinepiError as error:
                is_usable, problem = False, str(error)
        free, total = self._last_seen
        count, size = self._journal.capture_totals()
        reserve = self._reserve()
        room = free - reserve
        typical = self._typical()
        session = self._keeper.running
        days_left = None
        if session is not None and typical:
            days_left = round(max(0, room) / typical * session.interval / _DAY_S, 2)
        return StorageDocument(
            free_bytes=free,
            total_bytes=total,
            reserve_bytes=reserve,
            captures=count,
            captures_bytes=size,
            days_left=days_left,
            state=_state(room, typical) if is_usable else "failing",
            problem=problem,
        )

    def check(self) -> None:
        """Announce that the disk fills up or has room again, and let a waiting session go on.

        Raises:
            CinepiError: The journal or the folder fails; the next check tries again.
        """
        document = self.document()
        if document != self._document:
            self._document = document
            self._on_change()
        self._let_go_on()
        self._announce(document)
        if document.state != "failing":
            self._resume_if_there_is_room(document.free_bytes)

    def _announce(self, document: StorageDocument) -> None:
        """Tell what has changed since it was told last, in this run or in an earlier one."""
        if document.state in ("low", "full") and not self._is_announced:
            self._is_announced = True
            low = StorageLow(
                free_bytes=document.free_bytes,
                reserve_bytes=document.reserve_bytes,
                policy=self._settings().when_full,
            )
            self._journal.tell(low, lambda tx: tx.set_value(_ANNOUNCED, "yes"))
        elif document.state == "ok" and self._is_announced:
            self._is_announced = False
            recovered = StorageRecovered(free_bytes=document.free_bytes)
            self._journal.tell(recovered, lambda tx: tx.drop_values([_ANNOUNCED]))

    def handle_full(self, error: StorageFullError) -> bool:
        """Follow the user's policy; True if there is room now."""
        policy = self._settings().when_full
        if self._seldom.is_due(policy):
            _log.warning("disk is full", policy=policy, reason=str(error))
        if policy == "delete_oldest":
            return self._delete_oldest()
        session = self._keeper.running
        if session is None or session.state != "active":
            return False  # a snapshot found the disk full: there is nothing to stop
        self._keeper.slot_failed("storage")
        if policy == "stop":
            self._keeper.finish(session.id, "storage_full")
        else:
            with suppress(ConflictError):  # somebody else was faster
                self._keeper.pause("storage_full", None)
        return False

    def _delete_oldest(self) -> bool:
        """Delete pictures until there is room for some, but for `MAKE_ROOM_LIMIT` at most.

        One batch at least: a disk may have space, and yet no room for another file. What counts
        are bytes that have come free. Entries of the index without a file free none and are passed
        over, 150,000 of them in a second.
        """
        end = time.perf_counter() + MAKE_ROOM_LIMIT
        ahead, there = tee(self._oldest_there())
        if self._would_be_in_vain(ahead):
            return False
        wanted = self._wanted_free()
        while time.perf_counter() < end and (batch := list(islice(there, _BATCH))):
            remove(self._store, self._journal, [name for name, _ in batch], "make_room")
            if self._store.disk()[0] >= wanted:
                return True
        return False

    def _would_be_in_vain(self, there: Iterator[NameAndSize]) -> bool:
        """Whether something else fills the disk: then all pictures together would not help."""
        lacking = self._reserve() + self._typical() - self._store.disk()[0]
        for _, size in there:
            if lacking <= size:
                return False
            lacking -= size
        if self._seldom.is_due("in vain"):
            _log.warning("all pictures together would not make room: they stay")
        return True

    def _oldest_there(self) -> Iterator[NameAndSize]:
        """Yield the pictures of which there is a file, those that were taken first in front."""
        oldest = self._journal.oldest_captures()
        while page := list(islice(oldest, _PAGE)):
            missing = set(self._store.missing([name for name, _ in page]))
            yield from ((name, size) for name, size in page if name not in missing)

    def _let_go_on(self) -> None:
        """Take up a session that could not be resumed, since the disk was full to the last byte."""
        try:
            self._go_on()
        except StorageFullError as error:
            if self.handle_full(error):
                self._go_on()

    def _go_on(self) -> None:
        """Do first what the start could not: a frame that is in no index would count as missed."""
        self._tidying.go_on(self._taker.between_pictures)
        if self._tidying.has_begun:
            self._keeper.take_up()

    def _resume_if_there_is_room(self, free: Bytes) -> None:
        session = self._keeper.running
        if session is None or session.pause_reason != "storage_full" or free < self._wanted_free():
            return
        try:
            self._keeper.resume("storage_recovered", None)
        except ConflictError:  # somebody was faster
            _log.debug("session had gone on already")
        except CinepiError as error:
            _log.warning("session stays paused", reason=str(error))

    def _wanted_free(self) -> Bytes:
        return self._reserve() + ROOM_PICTURES * self._typical()

    def _typical(self) -> Bytes:
        """Size of a picture: learned in this run, else the average of all; 0 before the first."""
        count, size = self._journal.capture_totals()
        return self._taker.typical_bytes or (size // count if count else 0)

    def _reserve(self) -> Bytes:
        return self._settings().reserve_mb * MEGABYTE


def _state(room: Bytes, typical: Bytes) -> StorageState:
    if room < max(typical, 1):
        return "full"
    return "low" if room < LOW_PICTURES * typical else "ok"
