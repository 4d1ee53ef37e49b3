"""The ladder of recovery: restart the stream, reopen the camera, leave the process, say `stuck`."""

from cinepi.model.documents import CameraHealth, Recovery, Rung
from cinepi.units import MonotonicTime, Seconds

FIRST_PAUSE: Seconds = 0.5
LONGEST_PAUSE: Seconds = 30.0
"""A camera that cannot be opened is tried again after pauses that double up to this."""
STUCK_AFTER = 3
"""After so many processes in a row without one picture, a camera is stuck."""
FIRST_STUCK_PAUSE: Seconds = 15.0
LONGEST_STUCK_PAUSE: Seconds = 300.0
"""Each try of a stuck camera may cost a process, so the pauses double up to this over processes."""

_MOST_DOUBLINGS = 16  # whatever is counted on, beyond the longest of pauses


class Ladder:
    """How far recovery has climbed, how often, and when the next try is due. Effects are elsewhere.

    One episode lasts from the first failure to the next picture.
    """

    def __init__(self, *, exits: int, exits_in_a_row: int, now: MonotonicTime) -> None:
        """Begin well, or stuck.

        Args:
            exits: Processes given up because of the camera, since the journal began.
            exits_in_a_row: The same since the last picture.
            now: The time.
        """
        self._restarts = 0
        self._reopens = 0
        self._exits = exits
        self._exits_in_a_row = exits_in_a_row
        # An episode that has cost the process goes on in the next one, until there is a picture.
        self._rung: Rung = "none"
        if exits_in_a_row:
            self._rung = "reboot" if self.is_stuck else "restart_process"
        self._failed_opens = 0
        self._began: MonotonicTime | None = now if exits_in_a_row else None
        self._next_try = now + self._next_pause() if self.is_stuck else now

    @property
    def is_stuck(self) -> bool:
        """Whether leaving the process has been tried often enough."""
        return self._exits_in_a_row >= STUCK_AFTER

    @property
    def recovery(self) -> Recovery:
        """Where it stands, for the camera document."""
        return Recovery(
            rung=self._rung,
            restarts=self._restarts,
            reopens=self._reopens,
            exits=self._exits,
        )

    @property
    def health(self) -> CameraHealth:
        """What people are told while there is no picture."""
        if self.is_stuck:
            return "stuck"
        return "recovering" if self._rung in {"restart_stream", "restart_process"} else "lost"

    def pause_left(self, now: MonotonicTime) -> Seconds:
        """How long to wait before the camera may be opened again; 0 if it may be now."""
        return max(0.0, self._next_try - now)

    def forget_pause(self, now: MonotonicTime) -> None:
        """Allow the next try at once, because a person asked for it."""
        self._next_try = now
        self._failed_opens = 0

    def climb(self, rung: Rung, now: MonotonicTime) -> bool:
        """Step onto `rung` of a camera that was open; returns whether this begins an episode."""
        if rung == "restart_stream":
            self._restarts += 1
        elif rung == "reopen":
            self._reopens += 1
        elif rung == "restart_process":
            self._exits += 1
            self._exits_in_a_row += 1
        return self._step_onto(rung, now)

    def fail_open(self, now: MonotonicTime) -> bool:
        """The camera could not be opened; returns whether this begins an episode."""
        self.pause(now)
        return self._step_onto("reopen", now)

    def pause(self, now: MonotonicTime) -> None:
        """Put the next try off, further each time."""
        self._next_try = now + self._next_pause()
        self._failed_opens += 1

    def succeed(self, now: MonotonicTime, *, with_picture: bool) -> tuple[Rung, Seconds] | None:
        """The camera is open again, or has even given a picture.

        Returns the rung that helped and the length of the episode, if one has ended: where more
        was wrong than that the camera could not be opened, only a picture ends it.
        """
        self._failed_opens = 0
        if with_picture:
            self._exits_in_a_row = 0
        if self._exits_in_a_row:  # it can be opened, which it could when the process was left
            self._step_onto("restart_process", now)
            return None
        if self._began is None or not (with_picture or self._rung == "reopen"):
            return None
        episode = self._rung, now - self._began
        self._rung = "none"
        self._began = None
        return episode

    def _next_pause(self) -> Seconds:
        first, longest, doublings = FIRST_PAUSE, LONGEST_PAUSE, self._failed_opens
        if self.is_stuck:
            first, longest = FIRST_STUCK_PAUSE, LONGEST_STUCK_PAUSE
            doublings += self._exits_in_a_row - STUCK_AFTER
        return min(longest, first * 2.0 ** min(doublings, _MOST_DOUBLINGS))

    def _step_onto(self, rung: Rung, now: MonotonicTime) -> bool:
        self._rung = "reboot" if self.is_stuck else rung
        is_new = self._began is None
        if self._began is None:
            self._began = now
        return is_new
