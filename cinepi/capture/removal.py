"""Pictures go step by step: files first, then their rows, in one transaction with the event."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress

import msgspec

from cinepi import systemd
from cinepi.capture.store import Store
from cinepi.envelope import NO_RESULT, Command
from cinepi.errors import CinepiError, StorageFullError
from cinepi.journal import intents
from cinepi.journal.journal import Journal, Transaction
from cinepi.logs.setup import logger
from cinepi.model.events import CaptureDeleted

MOST_NAMES = 1000
"""In one step and its event: 32 KB, which every broker takes, and 20 ms of the journal on a PC."""

_log = logger("removal")


class Removal(msgspec.Struct, frozen=True, kw_only=True):
    """A step of a deletion.

    Attributes:
        filenames: Pictures that go.
        reason: As the event says it.
        command: Who asked; None for the service itself.
        result: The answer to the command in the last step, `NO_RESULT` in those before it.
    """

    filenames: tuple[str, ...]
    reason: str
    command: Command | None = None
    result: msgspec.Raw = NO_RESULT


def remove(
    store: Store,
    journal: Journal,
    filenames: Sequence[str],
    reason: str,
    *,
    command: Command | None = None,
    result: msgspec.Struct | None = None,
) -> None:
    """Delete pictures and tell so; the answer to `command` joins the last transaction.

    Others may use the journal between any two steps of `MOST_NAMES` pictures. Files that are gone
    already count as deleted; what the index does not know is not told. After a crash in between,
    the next start finds rows without files; for a command it also finds what was asked, and ends
    it. After an error `tell_vanished` does so.

    Raises:
        PermissionDeniedError: The folder may not be changed; the pictures before it are gone.
        InternalError: The disk or the database failed, after the first pictures had gone or before.
    """
    answer = msgspec.Raw(msgspec.json.encode(result or {}))
    parts = list(_parts(filenames))
    steps = [
        Removal(
            filenames=part,
            reason=reason,
            command=command,
            result=answer if part is parts[-1] else NO_RESULT,
        )
        for part in parts
    ]
    keys: Sequence[str | None] = [None] * len(steps)
    with ExitStack() as stack:
        if command is not None:
            # Deleting makes room: on a full disk, better without a net than not at all.
            with suppress(StorageFullError):
                keys = stack.enter_context(intents.declared(journal, *steps))
        for step, key in zip(steps, keys, strict=True):
            _carry_out(store, journal, step, key)


def finish_removals(store: Store, journal: Journal) -> None:
    """End what a crash cut short; for the start, before any new picture is named.

    Blocks for as long as the deletion would have taken, and asks systemd for the time. What the
    disk refuses now stays, with all that its command wanted deleted after it: a start that fails
    here would fail for ever.

    Raises:
        StorageFullError: The journal has no room; the next start goes on.
    """
    refused: set[Command] = set()
    for key, removal in intents.left(journal, Removal).items():
        command = removal.command
        if command is None or command in refused or journal.outcome(command) is not None:
            intents.forget(journal, key)
            continue
        systemd.take_more_time("deleting pictures")
        _log.warning("deletion goes on after a crash", pictures=len(removal.filenames))
        try:
            _carry_out(store, journal, removal, key)
        except StorageFullError:
            raise
        except CinepiError as error:
            _log.error("deletion cannot go on", reason=str(error))
            refused.add(command)
            intents.forget(journal, key)


def tell_vanished(store: Store, journal: Journal) -> None:
    """Record what went before a deletion failed, if anything did.

    Raises:
        CinepiError: As `Journal.transaction` does; the next call tries again.
    """
    vanished = dict(store.vanished)
    for reason in sorted(set(vanished.values())):
        for names in _parts([name for name, why in vanished.items() if why == reason]):
            with journal.transaction() as tx:
                _record(tx, names, reason)
            _log.warning("a deletion that failed is recorded", pictures=len(names))
            for name in names:
                store.vanished.pop(name, None)  # a second try of the deletion may have ended


def tell_missing(
    store: Store, journal: Journal, filenames: Sequence[str]
) -> Iterator[tuple[str, ...]]:
    """Take pictures out of the index whose files somebody else has removed; one step a `next`.

    Yields the names that were in the index. Each is looked for once more: one that is there, or
    that is being deleted, stays. All stay where the folder is not the known one.

    Raises:
        CinepiError: The folder cannot be read, or the journal fails.
    """
    for names in _parts(filenames):
        with store.removing:
            missing = [name for name in store.missing(names) if name not in store.vanished]
            if store.has_changed:
                return
            with journal.transaction() as tx:
                known = _record(tx, missing, "missing")
        yield known


def _carry_out(store: Store, journal: Journal, step: Removal, key: str | None) -> None:
    gone: list[str] = []
    with store.removing:
        try:
            companions = _companions(journal, step.filenames)
            for name in step.filenames:
                store.delete(name)
                gone.append(name)
            store.flush()  # from here on no start takes what is left for whole shots
            if companions:
                store.delete_companions(companions)
            with journal.transaction() as tx:
                _record(tx, step.filenames, step.reason)
                if step.result != NO_RESULT:
                    tx.finish(step.command, step.result)
                if key is not None:
                    intents.fulfil(tx, key)
        except CinepiError:
            store.vanished.update(dict.fromkeys(gone, step.reason))
            raise
        for name in step.filenames:  # it may have been a second try
            store.vanished.pop(name, None)


def _companions(journal: Journal, filenames: Sequence[str]) -> list[str]:
    """What lies beside these pictures."""
    captures = filter(None, map(journal.capture, filenames))
    return [file.filename for capture in captures for file in capture.files]


def _record(tx: Transaction, filenames: Sequence[str], reason: str) -> tuple[str, ...]:
    overruled = tx.holders(filenames)
    if known := tx.remove_captures(filenames):
        tx.append(CaptureDeleted(filenames=known, reason=reason, overruled=overruled))
    return known


def _parts(filenames: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for begin in range(0, len(filenames), MOST_NAMES):
        yield tuple(filenames[begin : begin + MOST_NAMES])
