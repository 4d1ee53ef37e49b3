"""At the start: what is in the folder, and what the journal says is there, become one again."""

from collections.abc import Sequence

import msgspec

from cinepi.capture.reindex import describe
from cinepi.capture.store import Quarantined, Store
from cinepi.errors import CinepiError
from cinepi.journal.journal import Journal, Transaction
from cinepi.logs.setup import logger
from cinepi.model.documents import CaptureDocument
from cinepi.model.events import CaptureDeleted, CaptureQuarantined, CaptureStored

_BATCH = 1000  # pictures in one transaction: one fsync for all of them

_log = logger("reconcile")


def reconcile(store: Store, journal: Journal) -> list[CaptureDocument]:
    """Remove half-written files, put broken ones aside, and make the index match the folder.

    A picture that was complete on disk but not yet journalled when the power went is journalled
    now, with its event. Returns those pictures, oldest first: one of them may be a frame of the
    running session. Takes about a second for 100,000 pictures.
    """
    sweep = store.sweep(journal.capture_names())
    found = []
    for name in sweep.found:
        try:
            found.append(describe(store, name))
        except CinepiError as error:
            _log.warning("picture not understood", filename=name, reason=str(error))
    for begin in range(0, len(found), _BATCH):
        with journal.transaction() as tx:
            for capture in found[begin : begin + _BATCH]:
                _take_up(tx, capture)
    if sweep.missing or sweep.quarantined:
        with journal.transaction() as tx:
            _note_damage(tx, sweep.missing, sweep.quarantined)
    if found or sweep.missing or sweep.quarantined:
        _log.warning(
            "captures reconciled",
            found=len(found),
            missing=len(sweep.missing),
            quarantined=len(sweep.quarantined),
        )
    return found


def _take_up(tx: Transaction, capture: CaptureDocument) -> None:
    tx.append(CaptureStored(**msgspec.structs.asdict(capture)))
    tx.add_capture(capture)


def _note_damage(
    tx: Transaction, missing: Sequence[str], quarantined: Sequence[Quarantined]
) -> None:
    if missing:
        tx.remove_captures(missing)
        tx.append(CaptureDeleted(filenames=tuple(missing), reason="missing"))
    for broken in quarantined:
        tx.append(
            CaptureQuarantined(
                filename=broken.name, moved_to=str(broken.moved_to), reason=broken.reason
            )
        )
