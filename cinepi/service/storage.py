"""The disk under the captures: how much is left, and what happens when nothing is."""

from collections.abc import Callable
from contextlib import suppress

from cinepi.capture.removal import remove
from cinepi.capture.store import Store
from cinepi.capture.take import Taker
from cinepi.clock import Clock
from cinepi.errors import CinepiError, ConflictError, StorageFullError
from cinepi.journal.journal import Journal
from cinepi.logs.seldom import Seldom
from cinepi.logs.setup import logger
from cinepi.model.documents import StorageDocument, StorageState
from cinepi.model.events import StorageLow, StorageRecovered
from cinepi.model.settings import CaptureSettings
from cinepi.timing.keeper import SessionKeeper
from cinepi.units import MEGABYTE, Bytes

LOW_PICTURES = 50
"""`low` is announced when fewer typical pictures fit above the reserve."""
ROOM_PICTURES = 4
"""Deleting the oldest, or waiting, goes on until so many typical pictures fit."""

_BATCH = 20  # pictures deleted in one transaction
_MOST_BATCHES = 10  # a second each on a bad card
_DAY_S = 86_400

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
        catch_up: Callable[[], None] | None = None,
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
            catch_up: What the start could not do on a full disk.
        """
        self._store = store
        self._taker = taker
        self._journal = journal
        self._keeper = keeper
        self._settings = settings
        self._on_change = on_change
        self._catch_up = catch_up
        self._is_announced = False
        self._seldom = Seldom(clock)
        self._document = StorageDocument()

    def document(self) -> StorageDocument:
        """What the world is told, as of now."""
        free, total = self._store.disk()
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
            state=_state(room, typical),
        )

    def check(self) -> None:
        """Announce that the disk fills up or has room again, and let a waiting session go on."""
        document = self.document()
        if document != self._document:
            self._document = document
            self._on_change()
        self._let_go_on()
        if document.state != "ok" and not self._is_announced:
            self._journal.tell(
                StorageLow(
                    free_bytes=document.free_bytes,
                    reserve_bytes=document.reserve_bytes,
                    policy=self._settings().when_full,
                )
            )
            self._is_announced = True
        elif document.state == "ok" and self._is_announced:
            self._journal.tell(StorageRecovered(free_bytes=document.free_bytes))
            self._is_announced = False
        self._resume_if_there_is_room(document.free_bytes)

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
        """Delete at least one batch: a disk may have space, and yet no room for another file.

        And `_MOST_BATCHES` at most: where that is not enough, the next picture goes on with it. A
        shutter that deletes for minutes would be taken for one that hangs. Nothing is deleted in
        vain, where something else fills the disk.
        """
        _, size = self._journal.capture_totals()
        if self._store.disk()[0] + size < self._reserve() + self._typical():
            if self._seldom.is_due("in vain"):
                _log.warning("all pictures together would not make room: they stay", bytes=size)
            return False
        wanted = self._wanted_free()
        for _ in range(_MOST_BATCHES):
            oldest = self._journal.oldest_captures(_BATCH)
            if not oldest:
                return False
            remove(self._store, self._journal, [name for name, _ in oldest], "make_room")
            if self._store.disk()[0] >= wanted:
                return True
        return False

    def _let_go_on(self) -> None:
        """Take up a session that could not be resumed, since the disk was full to the last byte."""
        try:
            self._go_on()
        except StorageFullError as error:
            if self.handle_full(error):
                self._go_on()

    def _go_on(self) -> None:
        """Do first what the start could not: a frame that is in no index would count as missed."""
        if self._catch_up is not None:
            self._taker.between_pictures(self._catch_up)
            self._catch_up = None
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
