"""Pictures go: files first, then their rows, in one transaction with the event."""

from collections.abc import Callable, Sequence

from cinepi.capture.store import Store
from cinepi.journal.journal import Journal, Transaction
from cinepi.model.events import CaptureDeleted


def remove(
    store: Store,
    journal: Journal,
    filenames: Sequence[str],
    reason: str,
    also: Callable[[Transaction], None] = lambda _tx: None,
) -> None:
    """Delete pictures and tell so; `also` joins the transaction.

    Files that are gone already count as deleted. After a crash in between, the next start finds
    rows without files and finishes the work.

    Raises:
        PermissionDeniedError: The folder may not be changed; the pictures before it are gone.
    """
    for name in filenames:
        store.delete(name)
    store.flush()
    with journal.transaction() as tx:
        tx.remove_captures(filenames)
        tx.append(CaptureDeleted(filenames=tuple(filenames), reason=reason))
        also(tx)
