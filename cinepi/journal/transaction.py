"""One transaction of the journal: everything in it happens, or nothing does."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import msgspec

from cinepi.clock import Clock
from cinepi.envelope import Command, WireError
from cinepi.journal import captures, events, requests, state
from cinepi.journal.database import Work
from cinepi.journal.events import Bounds
from cinepi.journal.readers import advanced, held_after, holding
from cinepi.journal.requests import Timeline
from cinepi.journal.tally import TALLY_KEY, Tally
from cinepi.model.documents import CaptureDocument
from cinepi.units import WallTime


@dataclass(slots=True)
class Transaction:
    """What can be written; made by `Journal.transaction`, used in its block and thread only.

    Methods write into the open transaction without waiting for the disk, which the end of the
    block does.

    Attributes:
        tally: The counts as they will be.
        when_committed: What `on_commit` was given.
    """

    _work: Work
    _clock: Clock
    _timeline: Timeline
    _boot: str
    tally: Tally
    when_committed: list[Callable[[], None]] = field(default_factory=list)

    def on_commit(self, effect: Callable[[], None]) -> None:
        """Call `effect` once this is on the disk, before any other transaction can begin.

        So a value that others keep in memory changes in step with what the journal says. It must
        not raise.
        """
        self.when_committed.append(effect)

    def append(self, event: msgspec.Struct, *, at: WallTime | None = None) -> int:
        """Append an event of `cinepi.model.events` and return its seq.

        Args:
            event: What happened.
            at: When; None for now.

        Raises:
            TypeError: It is no event.
        """
        when = self._clock.wall() if at is None else at
        self.tally = events.append(self._work, self.tally, event, at=when, boot=self._boot)
        return self.tally.last_seq

    def add_capture(self, capture: CaptureDocument, *, is_found: bool = False) -> None:
        """Add a picture to the index; the event that tells of it belongs behind it.

        Args:
            capture: What is known of it.
            is_found: It was found in the folder: it takes the place of its own time among the
                others, and is not the newest. One that is taken now is.

        Raises:
            ConflictError: There is one of this name; the transaction may go on without it.
        """
        self.tally = captures.add(self._work, self.tally, capture, is_found=is_found)

    def remove_captures(self, filenames: Iterable[str]) -> tuple[str, ...]:
        """Take pictures out of the index; returns the names that were in it."""
        removed: list[str] = []
        for filename in filenames:
            before = self.tally.captures
            self.tally = captures.remove(self._work, self.tally, filename)
            if self.tally.captures < before:
                removed.append(filename)
        return tuple(removed)

    def holders(self, filenames: Iterable[str]) -> tuple[str, ...]:
        """Names of the readers that hold one of these pictures."""
        if held_after(self.tally.readers) is None:
            return ()
        return holding(self.tally.readers, captures.seqs(self._work, filenames))

    def advance(self, reader: str, seq: int, *, holds: bool | None = None) -> None:
        """Note that a reader has done with all events up to `seq`; see `cinepi.journal.readers`.

        Args:
            reader: Its name; a new name is a new reader.
            seq: Of the newest event that it has done with.
            holds: Whether pictures stay for it; None for as before, which is no at first.

        Raises:
            InvalidArgumentError: There are too many readers.
        """
        readers = advanced(self.tally.readers, reader, seq, holds=holds)
        self.tally = msgspec.structs.replace(self.tally, readers=readers)

    def save_session(self, session: bytes) -> None:
        """Keep the session's state, as JSON, for `Journal.saved_session`."""
        state.put(self._work, state.SESSION_KEY, session)

    def set_value(self, key: str, value: str) -> None:
        """Keep a value, for `Journal.value`."""
        state.put(self._work, state.user_key(key), value.encode())

    def drop_values(self, keys: Iterable[str]) -> None:
        """Forget values of `set_value`; one that is not there changes nothing."""
        for key in keys:
            state.drop(self._work, state.user_key(key))

    def finish(
        self, command: Command | None, outcome: msgspec.Struct | msgspec.Raw | WireError
    ) -> None:
        """Keep the outcome of `command`, for `Journal.outcome`; None is nobody's, and kept not."""
        if command is not None:
            self.tally = requests.finish(
                self._work, self.tally, command, outcome, self._timeline.now()
            )

    def settle(self, bounds: Bounds) -> None:
        """Write what the journal itself adds at the end of a transaction."""
        self.tally = events.prune(self._work, self.tally, bounds)
        state.put(self._work, TALLY_KEY, msgspec.json.encode(self.tally))
