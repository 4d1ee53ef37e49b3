"""Pictures go: files first, then their rows, in one transaction with the event."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress

import msgspec

from cinepi.capture.store import Store
from cinepi.envelope import Command
from cinepi.errors import CinepiError, StorageFullError
from cinepi.journal import intents
from cinepi.journal.journal import Journal, Transaction
from cinepi.logs.setup import logger
from cinepi.model.events import CaptureDeleted

MOST_NAMES = 1000
"""In one event: 32 KB, which every broker takes."""

_log = logger("removal")


class Removal(msgspec.Struct, frozen=True, kw_only=True):
    """Pictures that go.

    Attributes:
        filenames: Their names.
        reason: As the event says it.
        command: Who asked; None for the service itself.
        result: The answer to the command.
    """

    filenames: tuple[str, ...]
    reason: str
    command: Command | None = None
    result: msgspec.Raw = msgspec.Raw(b"{}")


def remove(
    store: Store,
    journal: Journal,
    filenames: Sequence[str],
    reason: str,
    *,
    command: Command | None = None,
    result: msgspec.Struct | None = None,
) -> None:
    """Delete pictures and tell so; the answer to `command` joins the transaction.

    Files that are gone already count as deleted; what the index does not know is not told. After a
    crash in between, the next start finds rows without files; for a command it also finds what was
    asked, and ends it. After an error `tell_vanished` does so.

    Raises:
        PermissionDeniedError: The folder may not be changed; the pictures before it are gone.
        InternalError: The disk or the database failed, after the first pictures had gone or before.
    """
    removal = Removal(
        filenames=tuple(filenames),
        reason=reason,
        command=command,
        result=msgspec.Raw(msgspec.json.encode(result or {})),
    )
    with ExitStack() as stack:
        key = None
        if command is not None:
            # Deleting makes room: on a full disk, better without a net than not at all.
            with suppress(StorageFullError):
                key = stack.enter_context(intents.declared(journal, removal))
        _carry_out(store, journal, removal, key)


def finish_removals(store: Store, journal: Journal) -> None:
    """End what a crash cut short; for the start, before any new picture is named."""
    for key, removal in intents.left(journal, Removal).items():
        if removal.command is None or journal.outcome(removal.command) is not None:
            intents.forget(journal, key)
        else:
            _log.warning("deletion goes on after a crash", pictures=len(removal.filenames))
            _carry_out(store, journal, removal, key)


def tell_vanished(store: Store, journal: Journal) -> None:
    """Record what went before a deletion failed, if anything did.

    Raises:
        CinepiError: As `Journal.transaction` does; the next call tries again.
    """
    vanished = dict(store.vanished)
    for reason in sorted(set(vanished.values())):
        names = tuple(name for name, why in vanished.items() if why == reason)
        with journal.transaction() as tx:
            _record(tx, names, reason)
        _log.warning("a deletion that failed is recorded", pictures=len(names))
        for name in names:
            del store.vanished[name]


def _carry_out(store: Store, journal: Journal, removal: Removal, key: str | None) -> None:
    gone: list[str] = []
    try:
        for name in removal.filenames:
            store.delete(name)
            gone.append(name)
        store.flush()
        with journal.transaction() as tx:
            _record(tx, removal.filenames, removal.reason)
            tx.finish(removal.command, removal.result)
            if key is not None:
                intents.fulfil(tx, key)
    except CinepiError:
        store.vanished.update(dict.fromkeys(gone, removal.reason))
        raise


def _record(tx: Transaction, filenames: tuple[str, ...], reason: str) -> None:
    for names in _batches(tx.remove_captures(filenames)):
        tx.append(CaptureDeleted(filenames=names, reason=reason))


def _batches(filenames: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for begin in range(0, len(filenames), MOST_NAMES):
        yield filenames[begin : begin + MOST_NAMES]
