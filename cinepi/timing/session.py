"""One session as a value, and what can happen to it; no clock, no disk, no threads.

Slots are numbered from 0 and lie on a grid: slot *n* is due at `origin + (n - origin_slot) ×
interval` on the monotonic clock. Slots that pass while the session is paused are not numbered, so
at any time `frames + missed == slot`.
"""

from typing import Final

import msgspec

from cinepi.clock import rfc3339
from cinepi.model.documents import (
    EndReason,
    Ends,
    Lateness,
    MissReason,
    PauseReason,
    SessionDocument,
    SessionState,
)
from cinepi.units import MonotonicTime, Seconds, WallTime

TAKEABLE: Final = 0.5
"""A slot may be taken this part of an interval late; later it is missed, so none are bunched."""

_EPSILON: Seconds = 1e-6  # sums of floats: a slot that is due this much later is due now


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A session; see the module for the grid.

    Attributes:
        until: As `ends.until`, on the wall clock.
        first_due: When slot 0 was due; after a reboot, when it would have been on this clock.
        slot: The next slot to decide on.
        unsettled: While it is paused, the next slots that were due before the pause: they are those
            of a frame that was in flight then, and of what passed behind it.
        written_wall: The wall clock when this value was last written,
        written_mono: and the monotonic clock at the same moment: they find the grid again
        kernel_boot: after a reboot, which shows in this id.
        doubted_offset: Wall clock minus monotonic clock when it was resumed after a reboot, before
            the clock was set; None where there is no doubt.
    """

    id: str
    name: str | None
    state: SessionState
    interval: Seconds
    ends: Ends
    until: WallTime | None
    origin: MonotonicTime
    first_due: MonotonicTime
    started_wall: WallTime
    origin_slot: int = 0
    slot: int = 0
    unsettled: int = 0
    frames: int = 0
    missed_by: dict[MissReason, int] = {}
    last_frame_wall: WallTime | None = None
    max_late_ms: float = 0.0
    pause_reason: PauseReason | None = None
    end_reason: EndReason | None = None
    ended_wall: WallTime | None = None
    written_wall: WallTime = 0.0
    written_mono: MonotonicTime = 0.0
    kernel_boot: str = ""
    doubted_offset: Seconds | None = None

    @property
    def is_running(self) -> bool:
        """Whether it has begun, or waits to, and has not ended."""
        return self.state != "idle"

    @property
    def missed(self) -> int:
        """Slots that passed without a picture."""
        return sum(self.missed_by.values())

    def due(self, slot: int) -> MonotonicTime:
        """When a slot is due."""
        return self.origin + (slot - self.origin_slot) * self.interval

    def passed(self, now: MonotonicTime) -> tuple[int, bool]:
        """How many slots have gone by untaken, and whether the next one is to be taken now.

        None while it waits; while it is paused, those that passed before.
        """
        if self.state == "paused":
            return self.unsettled, False
        if self.state != "active":
            return 0, False
        behind = now - self.due(self.slot) + _EPSILON
        if behind < 0:
            return 0, False
        gone = int(behind // self.interval)
        is_in_time = behind - gone * self.interval <= self.interval * TAKEABLE
        return (gone, True) if is_in_time else (gone + 1, False)

    def end_before(self, slot: int, wall_of_slot: WallTime) -> EndReason | None:
        """Why the session ends before a slot, or None if that slot belongs to it."""
        if self.ends.count is not None and self.frames >= self.ends.count:
            return "count"
        if (
            self.ends.duration_s is not None
            and self.due(slot) - self.first_due >= self.ends.duration_s - _EPSILON
        ):
            return "duration"
        if self.until is not None and wall_of_slot >= self.until - _EPSILON:
            return "until"
        return None

    def with_frame(self, wall: WallTime, late_ms: float) -> "Session":
        """The slot was taken."""
        return msgspec.structs.replace(
            self,
            slot=self.slot + 1,
            unsettled=max(0, self.unsettled - 1),
            frames=self.frames + 1,
            last_frame_wall=wall,
            max_late_ms=max(self.max_late_ms, late_ms),
        )

    def with_missed(self, count: int, reason: MissReason) -> "Session":
        """The next `count` slots passed without a picture."""
        missed = {**self.missed_by, reason: self.missed_by.get(reason, 0) + count}
        return msgspec.structs.replace(
            self,
            slot=self.slot + count,
            unsettled=max(0, self.unsettled - count),
            missed_by=missed,
        )

    def paused(self, reason: PauseReason, *, unsettled: int = 0) -> "Session":
        """Its slots are not numbered until it goes on, but for those that are `unsettled`."""
        return msgspec.structs.replace(
            self, state="paused", pause_reason=reason, unsettled=unsettled
        )

    def unpaused(self, now: MonotonicTime) -> "Session":
        """It goes on at the next point of its grid, behind what is not settled yet."""
        first = self.slot + self.unsettled
        ahead = self.due(first)
        if ahead < now:
            ahead += -((ahead - now) // self.interval) * self.interval
        return msgspec.structs.replace(
            self,
            state="active",
            pause_reason=None,
            origin=ahead,
            origin_slot=first,
            unsettled=0,
        )

    def with_interval(self, interval: Seconds, now: MonotonicTime) -> "Session":
        """A new grid begins with its next frame.

        That frame is due as before, but not later than the new interval from now. Slots that have
        passed lie before it in the new grid, still to be counted.
        """
        ahead = self.slot + self.passed(now)[0]
        first = min(max(self.due(ahead), now), now + interval)
        return msgspec.structs.replace(self, interval=interval, origin=first, origin_slot=ahead)

    def ended(self, reason: EndReason, wall: WallTime) -> "Session":
        """It is over."""
        return msgspec.structs.replace(
            self, state="idle", pause_reason=None, end_reason=reason, ended_wall=wall
        )

    def shifted(self, by: Seconds) -> "Session":
        """The same grid on a monotonic clock that reads `by` more."""
        return msgspec.structs.replace(self, origin=self.origin + by, first_due=self.first_due + by)

    def with_time_off(self, seconds: Seconds) -> "Session":
        """So much more time than thought had passed before a resume.

        The slots of that time lie in the past then, still to be counted.
        """
        slots = int(seconds // self.interval) if self.state == "active" else 0
        return msgspec.structs.replace(
            self,
            origin_slot=self.origin_slot + slots,
            first_due=self.first_due - seconds,
            doubted_offset=None,
        )

    def document(
        self, *, next_wall: WallTime | None, lateness: Lateness, is_realtime: bool
    ) -> SessionDocument:
        """What the world is told."""
        return SessionDocument(
            id=self.id,
            name=self.name,
            state=self.state,
            interval=self.interval,
            frames=self.frames,
            missed=self.missed,
            missed_by=self.missed_by,
            started_at=rfc3339(self.started_wall),
            next_at=None if next_wall is None else rfc3339(next_wall),
            last_frame_at=None if self.last_frame_wall is None else rfc3339(self.last_frame_wall),
            lateness=lateness,
            ends=self.ends,
            pause_reason=self.pause_reason,
            end_reason=self.end_reason,
            ended_at=None if self.ended_wall is None else rfc3339(self.ended_wall),
            scheduling="fifo" if is_realtime else "other",
        )
