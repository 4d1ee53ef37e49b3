"""Commands of the last 10 minutes: each with its outcome, so that a repeat acts only once."""

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from cinepi.clock import Clock, kernel_boot_id
from cinepi.envelope import Command, WireError
from cinepi.errors import ConflictError, InternalError, Problem
from cinepi.journal import state
from cinepi.journal.database import Database, Values, Work
from cinepi.journal.net import understood
from cinepi.journal.paging import last_fitting
from cinepi.journal.tally import Tally
from cinepi.units import Bytes, Seconds

KEPT: Seconds = 600.0
"""How long an outcome is kept."""
MAX_ROWS = 10_000
"""Most commands kept: 16 a second over the whole time; beyond, the oldest go early."""
PAGE = 50
"""Most outcomes in one page of those that nobody has confirmed."""
MAX_BYTES: Bytes = 16 * 1024 * 1024
"""Most bytes of them, nearly: of usual ones `MAX_ROWS` have half of that."""

_WEIGHT = "length(outcome) + length(CAST(context AS BLOB))"
_TIMELINE_KEY = "journal.timeline"
_MAX_CODE_POINT = "\U0010ffff"


class _Origin(msgspec.Struct, frozen=True):
    """How to read the timeline: monotonic time of boot `kernel`, plus `offset`."""

    kernel: str
    offset: Seconds


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """A command whose answer its sender has not confirmed as delivered."""

    command: Command
    outcome: msgspec.Raw


@dataclass(frozen=True, slots=True)
class UnconfirmedPage:
    """Such commands, oldest first.

    Attributes:
        requests: May be none, though there are more.
        next: Where to go on; None at the end.
    """

    requests: tuple[Unconfirmed, ...]
    next: int | None


class Timeline:
    """Seconds that never go back and never jump, over restarts of the service and the machine.

    A Pi has no clock battery, so the wall clock may move by years while commands wait. This one
    goes on with the kernel's monotonic clock, and after a reboot from the newest command; time
    without power does not count.
    """

    def __init__(self, clock: Clock, offset: Seconds) -> None:
        """Read `clock` with an `offset` from its monotonic time."""
        self._clock = clock
        self._offset = offset

    @classmethod
    def resume(cls, database: Database, clock: Clock) -> "Timeline":
        """Go on from where the database was left."""
        newest = database.rows("SELECT at FROM request ORDER BY number DESC LIMIT 1")
        now = newest[0][0] if newest else 0.0
        origin = understood(
            state.get(database, _TIMELINE_KEY), _Origin, "the timeline of the commands"
        )
        if origin is not None and origin.kernel == kernel_boot_id():
            now = max(now, clock.monotonic() + origin.offset)
        return cls(clock, now - clock.monotonic())

    def save(self, work: Work) -> None:
        """Remember where it is."""
        origin = _Origin(kernel=kernel_boot_id(), offset=self._offset)
        state.put(work, _TIMELINE_KEY, msgspec.json.encode(origin))

    def now(self) -> Seconds:
        """Seconds since some instant before the first command."""
        return self._clock.monotonic() + self._offset


def finish(
    work: Work,
    tally: Tally,
    command: Command,
    outcome: msgspec.Struct | msgspec.Raw | WireError,
    now: Seconds,
) -> Tally:
    """Write the outcome of a command, in place of an older one of the same id; the newest stays."""
    name = "error" if isinstance(outcome, WireError) else "result"
    stored = msgspec.json.encode({name: outcome})
    tally = _drop(work, tally, "id = ?", (command.id,))
    number = _newest_number(work) + 1
    work.run(
        "INSERT INTO request (number, id, fingerprint, context, at, outcome, answered)"
        " VALUES (?, ?, ?, ?, ?, ?, 0)",
        (number, command.id, command.fingerprint, command.context, now, stored),
    )
    added = len(stored) + len(command.context.encode())
    tally = msgspec.structs.replace(tally, request_bytes=tally.request_bytes + added)
    tally = _drop(work, tally, "number <= ?", (number - MAX_ROWS,))
    while tally.request_bytes > MAX_BYTES and (oldest := _oldest_number(work)) < number:
        tally = _drop(work, tally, "number = ?", (oldest,))
    expired = work.run("SELECT number, at FROM request ORDER BY number LIMIT 2")
    for row_number, at in expired:  # two go for one that comes: enough, and never a long pause
        if at <= now - KEPT:
            tally = _drop(work, tally, "number = ?", (row_number,))
    return tally


def outcome_of(database: Database, command: Command, now: Seconds) -> msgspec.Raw | None:
    """The stored outcome, or None if the command is new.

    Raises:
        ConflictError: The id was used for something else.
    """
    rows = database.rows(
        "SELECT fingerprint, outcome FROM request WHERE id = ? AND at > ?",
        (command.id, now - KEPT),
    )
    if not rows:
        return None
    fingerprint, outcome = rows[0]
    if fingerprint != command.fingerprint:
        raise used_for_another(command)
    return _outcome(command.id, outcome)


def used_for_another(command: Command) -> ConflictError:
    """The error of a command whose id is another one's."""
    message = f"id {command.id[:64]!r} was used for another command; every command needs its own"
    return ConflictError(message, Problem("/id", message))


def unanswered(database: Database, now: Seconds, after: int) -> UnconfirmedPage:
    """Outcomes whose sender wants to hear of them and has not confirmed: one page."""
    which = "answered = 0 AND context <> '' AND at > ? AND number > ?"
    weights = database.rows(
        f"SELECT number, {_WEIGHT} FROM request WHERE {which} ORDER BY number LIMIT ?",  # noqa: S608
        (now - KEPT, after, PAGE + 1),
    )
    last = last_fitting((number, weight) for number, weight in weights[:PAGE])
    rows = database.rows(
        "SELECT id, fingerprint, context, outcome FROM request"  # noqa: S608
        f" WHERE {which} AND number <= ? ORDER BY number",
        (now - KEPT, after, last),
    )
    found = tuple(
        Unconfirmed(
            command=Command(id=id_, fingerprint=fingerprint, context=context),
            outcome=_outcome(id_, outcome),
        )
        for id_, fingerprint, context, outcome in rows
    )
    return UnconfirmedPage(requests=found, next=last if len(found) < len(weights) else None)


def find(database: Database, prefix: str, now: Seconds) -> str | None:
    """The newest id that starts with `prefix`."""
    rows = database.rows(
        "SELECT id FROM request WHERE id >= ? AND id < ? AND at > ? ORDER BY number DESC LIMIT 1",
        (prefix, prefix + _MAX_CODE_POINT, now - KEPT),
    )
    return rows[0][0] if rows else None


def mark(work: Work, ids: Iterable[str]) -> None:
    """Note that their senders have the answers."""
    for request_id in ids:
        work.run("UPDATE request SET answered = 1 WHERE id = ?", (request_id,))


def _outcome(command_id: str, stored: bytes) -> msgspec.Raw:
    """What is kept; where it is not understood, its sender hears that: it is not done again."""
    if understood(stored, dict, f"the outcome of command {command_id}") is not None:
        return msgspec.Raw(stored)
    error = WireError(
        code=InternalError.code,
        message="the command was carried out, but its answer cannot be read any more",
    )
    return msgspec.Raw(msgspec.json.encode({"error": error}))


def _drop(work: Work, tally: Tally, which: str, values: Values = ()) -> Tally:
    gone = work.run(f"DELETE FROM request WHERE {which} RETURNING {_WEIGHT}", values)  # noqa: S608
    freed = sum(weight for (weight,) in gone)
    return msgspec.structs.replace(tally, request_bytes=tally.request_bytes - freed)


def _oldest_number(work: Work) -> int:
    return int(work.run("SELECT min(number) FROM request")[0][0])


def _newest_number(work: Work) -> int:
    rows = work.run("SELECT max(number) FROM request")
    return rows[0][0] or 0
