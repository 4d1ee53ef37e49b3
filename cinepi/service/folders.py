"""The folders of the service: made at the start, and brought into agreement with the journal."""

from cinepi import __version__, systemd
from cinepi.capture.reconcile import Awaited, reconcile
from cinepi.capture.removal import finish_removals
from cinepi.capture.store import Store
from cinepi.errors import PermissionDeniedError, StorageFullError
from cinepi.journal.journal import Journal
from cinepi.logs.setup import logger
from cinepi.model.events import ServiceStarted
from cinepi.paths import Layout
from cinepi.timing.session import Session

_log = logger("service")


def make_folders(layout: Layout) -> None:
    """Make every folder that the service writes in.

    Raises:
        PermissionDeniedError: Naming the folder and what to do.
    """
    for folder in (
        layout.captures,
        layout.backups,
        layout.journal.parent,
        layout.log.parent,
        layout.socket.parent,
    ):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = (
                f"cannot make the folder {folder}: {error.strerror}; "
                "run as the user cinepi, or set CINEPI_ROOT to a folder of your own"
            )
            raise PermissionDeniedError(message) from error


def put_in_order(store: Store, journal: Journal) -> None:
    """Bring folder and index into agreement, and note that the service has started.

    Raises:
        CinepiError: Disk or journal fail; to be called again then.
    """
    for _ in reconcile(store, journal, _awaited(journal)):
        systemd.take_more_time("indexing pictures")
    with journal.transaction() as tx:
        reason = "start" if journal.ended_cleanly else "after_crash"
        tx.append(ServiceStarted(version=__version__, reason=reason))


def begin(store: Store, journal: Journal) -> bool:
    """End removals of an earlier run and `put_in_order`; False where a full disk did not let us."""
    try:
        finish_removals(store, journal)
        put_in_order(store, journal)
    except StorageFullError as error:  # who could make room, if not a service that runs?
        _log.error("started on a full disk", reason=str(error))
        return False
    return True


def _awaited(journal: Journal) -> Awaited | None:
    """The frame that a crash may have left on the disk and in no index."""
    session = journal.saved_session(Session)
    if session is None or not session.is_running:
        return None
    return Awaited(session.id, session.slot)
