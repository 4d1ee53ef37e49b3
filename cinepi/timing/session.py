"""One session as a value, and what can happen to it; no clock, no disk, no threads.

Slots are numbered from 0 and lie on a grid (see `grid`) inside each window (see `windows/`). Slots
outside all windows, and those that pass while the session is paused, are not numbered, so at any
time `frames + missed == slot`.
"""

import math
from typing import Any, Final

import msgspec

from cinepi.clock import rfc3339
from cinepi.errors import NotSupportedError
from cinepi.model.documents import (
    EndReason,
    Ends,
    Lateness,
    MissReason,
    PauseReason,
    SessionDocument,
    SessionState,
)
from cinepi.timing import grid
from cinepi.timing.grid import Passed
from cinepi.timing.windows import registry
from cinepi.timing.windows.contract import Window
from cinepi.units import MonotonicTime, Seconds, WallTime

NOTHING_LEARNED: Final = msgspec.Raw(b"null")


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A session. Its state is `waiting` until its next window opens.

    Attributes:
        rule: Which windows it has, as `windows.registry` writes it.
        opens: When the present window opened; while it waits, when the next one will.
        closes: When that window closes; None is never.
        offset: Wall clock minus monotonic clock when the grid was laid out. A slot's time on the
            wall clock is its time on the grid plus this, so that a clock that is slewed moves no
            slot out of its window; a clock that is set replaces it.
        origin: When the slot `origin_slot` is due.
        origin_slot: Where the present grid begins; see `grid` for an example.
        first_due: When slot 0 was due; after a reboot, when it would have been on this clock.
        started_wall: When slot 0 was due, on the wall clock.
        slot: The next slot to decide on.
        unsettled: Slots that were due before a pause or a stop and are not decided yet: the one
            whose frame is still being exposed, and those that passed behind it. Paused while slot
            7 is in flight and slot 8 has gone by, `slot` is 7 and `unsettled` is 2.
        light: What the exposure mode remembers from frame to frame, as `exposure` writes it.
        written_wall: What the wall clock read when this value was written. Together with the next
            two it finds the grid again after a reboot.
        written_mono: What the monotonic clock read in that moment.
        kernel_boot: The kernel's id of that boot: monotonic times of another boot mean nothing.
        doubted_offset: Wall clock minus monotonic clock when the session went on after a reboot
            with a clock that no time server had set yet; None where there is no doubt.
    """

    id: str
    name: str | None
    state: SessionState
    interval: Seconds
    ends: Ends
    origin: MonotonicTime
    first_due: MonotonicTime
    started_wall: WallTime
    rule: dict[str, Any] = {}
    opens: WallTime = 0.0
    closes: WallTime | None = None
    offset: Seconds = 0.0
    origin_slot: int = 0
    slot: int = 0
    unsettled: int = 0
    frames: int = 0
    missed_by: dict[MissReason, int] = {}
    last_frame_wall: WallTime | None = None
    max_late_ms: float = 0.0
    light: msgspec.Raw = NOTHING_LEARNED
    pause_reason: PauseReason | None = None
    end_reason: EndReason | None = None
    ended_wall: WallTime | None = None
    written_wall: WallTime = 0.0
    written_mono: MonotonicTime = 0.0
    kernel_boot: str = ""
    doubted_offset: Seconds | None = None

    def __post_init__(self) -> None:
        """Refuse windows that only another version of the product knows.

        Raises:
            ValueError: So that the net under stored values takes it for one of them.
        """
        try:
            if self.rule:
                registry.read(self.rule)
        except NotSupportedError as error:
            raise ValueError(str(error)) from error

    @property
    def remembered(self) -> msgspec.Raw | None:
        """What the exposure mode remembers; None before the first frame."""
        return None if self.light == NOTHING_LEARNED else self.light

    @property
    def is_running(self) -> bool:
        """Whether it has begun, or waits to, and has not ended."""
        return self.state != "idle"

    @property
    def is_open(self) -> bool:
        """Whether something is still to be decided: it runs, or its last frame has not landed."""
        return self.is_running or self.unsettled > 0

    @property
    def missed(self) -> int:
        """Slots that passed without a picture."""
        return sum(self.missed_by.values())

    # -- the grid and the window ------------------------------------------------------------------

    def due(self, slot: int) -> MonotonicTime:
        """When a slot is due."""
        return self.origin + (slot - self.origin_slot) * self.interval

    def due_wall(self, slot: int) -> WallTime:
        """When a slot is due, on the wall clock."""
        return self.due(slot) + self.offset

    def passed(self, now: MonotonicTime) -> Passed:
        """What has become of its next slots, whether they belong to it or not.

        None while it waits; while it is paused or has ended, those that passed before and are not
        settled.
        """
        if self.state != "active":
            return Passed(0 if self.state == "waiting" else self.unsettled, is_next_due=False)
        return grid.passed(self.due(self.slot), self.interval, now)

    def slots_left(self) -> float:
        """How many slots, from the next one on, lie before its window closes and its time is over.

        Infinite for a session without an end. The count of frames is no matter of time.
        """
        due, left = self.due(self.slot), math.inf
        if self.closes is not None:
            left = grid.points_before(due + self.offset, self.interval, self.closes)
        if self.ends.duration_s is not None:
            end = self.first_due + self.ends.duration_s
            left = min(left, grid.points_before(due, self.interval, end))
        return left

    def end_before_next(self) -> EndReason | None:
        """Why it ends before its next slot, whatever windows may follow; None if it goes on."""
        if self.ends.count is not None and self.frames >= self.ends.count:
            return "count"
        if self.ends.duration_s is None or self.state not in ("active", "waiting"):
            return None
        due = self.due(self.slot) if self.state == "active" else self.opens - self.offset
        end = self.first_due + self.ends.duration_s
        return "duration" if due >= end - grid.EPSILON else None

    # -- what happens to it -----------------------------------------------------------------------

    def opened(self, offset: Seconds) -> "Session":
        """Its window has opened: a grid of its own begins in that moment."""
        due = self.opens - offset
        return msgspec.structs.replace(
            self,
            state="active",
            offset=offset,
            origin=due,
            origin_slot=self.slot,
            first_due=self.first_due if self.slot else due,
            started_wall=self.started_wall if self.slot else self.opens,
        )

    def beginning(self, slot: int) -> "Session":
        """The grid that has just been opened, from a later slot on; those before have no number."""
        due = self.due(slot)
        return msgspec.structs.replace(
            self,
            origin=due,
            first_due=self.first_due if self.slot else due,
            started_wall=self.started_wall if self.slot else due + self.offset,
        )

    def awaiting(self, window: Window) -> "Session":
        """It waits for a window, which may have opened already."""
        return msgspec.structs.replace(
            self, state="waiting", opens=window.opens, closes=window.closes
        )

    def with_frame(
        self, wall: WallTime, late_ms: float, light: msgspec.Raw | None = None
    ) -> "Session":
        """The slot was taken; the exposure began at `wall`, and `light` was learned from it."""
        return msgspec.structs.replace(
            self,
            slot=self.slot + 1,
            unsettled=max(0, self.unsettled - 1),
            frames=self.frames + 1,
            last_frame_wall=wall,
            max_late_ms=max(self.max_late_ms, late_ms),
            light=NOTHING_LEARNED if light is None else light,
        )

    def with_missed(self, count: int, reason: MissReason) -> "Session":
        """The next `count` slots passed without a picture."""
        if not count:
            return self
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
        return msgspec.structs.replace(
            self,
            state="active",
            pause_reason=None,
            origin=grid.next_point(self.due(first), self.interval, now),
            origin_slot=first,
            unsettled=0,
        )

    def with_interval(self, interval: Seconds, now: MonotonicTime) -> "Session":
        """A new grid begins with its next frame.

        That frame is due as before, but not later than the new interval from now. Slots that have
        passed lie before it in the new grid, still to be counted.
        """
        ahead = self.slot + self.passed(now).gone
        first = min(max(self.due(ahead), now), now + interval)
        return msgspec.structs.replace(self, interval=interval, origin=first, origin_slot=ahead)

    def ended(self, reason: EndReason, wall: WallTime, *, unsettled: int = 0) -> "Session":
        """It is over, but for what is `unsettled`."""
        return msgspec.structs.replace(
            self,
            state="idle",
            pause_reason=None,
            end_reason=reason,
            ended_wall=wall,
            unsettled=unsettled,
        )

    def shifted(self, by: Seconds) -> "Session":
        """The same grid on a monotonic clock that reads `by` more."""
        return msgspec.structs.replace(
            self,
            origin=self.origin + by,
            first_due=self.first_due + by,
            offset=self.offset - by,
        )

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
