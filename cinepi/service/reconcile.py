"""At the start: what is in the folder, and what the journal says is there, become one again."""

import json
from collections.abc import Sequence

import msgspec

from cinepi.capture.reindex import Described, describe
from cinepi.capture.removal import finish_removals
from cinepi.capture.store import Quarantined, Store
from cinepi.envelope import Command
from cinepi.errors import CinepiError
from cinepi.journal.journal import Journal, Transaction
from cinepi.logs.setup import logger
from cinepi.model.documents import CaptureDocument
from cinepi.model.events import CaptureDeleted, CaptureQuarantined, CaptureStored

_BATCH = 1000  # pictures in one transaction: one fsync for all of them
_ADOPTED = "adopted"
_MOST_ADOPTED = 100  # a kill leaves one; a broker repeats within minutes

_log = logger("reconcile")


def reconcile(store: Store, journal: Journal) -> list[CaptureDocument]:
    """Remove half-written files, put broken ones aside, and make the index match the folder.

    A picture that was complete on disk but not yet journalled when the power went is journalled
    now, with its event. Returns those pictures, oldest first: one of them may be a frame of the
    running session. Takes about a second for 100,000 pictures.
    """
    finish_removals(store, journal)
    sweep = store.sweep(journal.capture_names())
    found = []
    for name in sweep.found:
        try:
            found.append(describe(store, name))
        except CinepiError as error:
            _log.warning("picture not understood", filename=name, reason=str(error))
    adopted = Adopted(journal)
    for begin in range(0, len(found), _BATCH):
        with journal.transaction() as tx:
            for picture in found[begin : begin + _BATCH]:
                _take_up(tx, picture.document)
                adopted.add(tx, picture)
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
    return [picture.document for picture in found]


class Adopted:
    """Pictures whose command had no answer yet when the power went: its repeat finds them here."""

    def __init__(self, journal: Journal) -> None:
        """Read which there are."""
        self._journal = journal
        self._names: dict[str, str] = json.loads(journal.value(_ADOPTED) or "{}")

    def add(self, tx: Transaction, picture: Described) -> None:
        """Remember a picture by the digest of its command, if it was one that asked for it."""
        if picture.command is None:
            return
        self._names[picture.command] = picture.document.filename
        for digest in list(self._names)[:-_MOST_ADOPTED]:
            del self._names[digest]
        tx.set_value(_ADOPTED, json.dumps(self._names))

    def find(self, command: Command) -> CaptureDocument | None:
        """The picture that was taken for a command; None if it was not cut short."""
        name = self._names.get(command.digest)
        return None if name is None else self._journal.capture(name)


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
