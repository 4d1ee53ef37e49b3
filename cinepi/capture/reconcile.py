"""At the start: what is in the folder, and what the journal says is there, become one again."""

import json
from collections.abc import Sequence

import msgspec

from cinepi import systemd
from cinepi.capture.reindex import Described, describe
from cinepi.capture.store import Store
from cinepi.capture.sweep import Quarantined, sweep
from cinepi.envelope import Command
from cinepi.errors import CinepiError
from cinepi.journal.journal import Journal, Transaction
from cinepi.journal.requests import KEPT
from cinepi.logs.setup import logger
from cinepi.model.documents import CaptureDocument
from cinepi.model.events import CaptureDeleted, CaptureQuarantined, CaptureStored
from cinepi.units import Seconds

_BATCH = 1000  # pictures in one transaction: one fsync for all of them
_MOST_DIGESTED = 50  # reading thousands of pictures whole would take hours on a card
_ADOPTED = "adopted_pictures"
_MOST_ADOPTED = 100  # a kill leaves one; a broker repeats within minutes

_log = logger("reconcile")


def reconcile(store: Store, journal: Journal) -> None:
    """Remove half-written files, put broken ones aside, and make the index match the folder.

    A picture that was complete on disk but not yet journalled when the power went is journalled
    now, with its event. Takes about a second for 100,000 pictures that are known; where the journal
    was lost, each costs about 0.2 ms more, and systemd is asked for the time.
    """
    swept = sweep(store.folder, journal.capture_names())
    adopted = Adopted(journal)
    for begin in range(0, len(swept.found), _BATCH):
        systemd.take_more_time("indexing pictures")
        names = swept.found[begin : begin + _BATCH]
        pictures = _describe_all(store, names, has_digest=len(swept.found) <= _MOST_DIGESTED)
        with journal.transaction() as tx:
            for picture in pictures:
                _take_up(tx, picture.document)
                adopted.add(tx, picture)
    if swept.missing or swept.quarantined:
        with journal.transaction() as tx:
            _note_damage(tx, swept.missing, swept.quarantined)
    if swept.found or swept.missing or swept.quarantined:
        _log.warning(
            "captures reconciled",
            found=len(swept.found),
            missing=len(swept.missing),
            quarantined=len(swept.quarantined),
        )


def _describe_all(store: Store, names: Sequence[str], *, has_digest: bool) -> list[Described]:
    described = []
    for name in names:
        try:
            described.append(describe(store, name, has_digest=has_digest))
        except CinepiError as error:
            _log.warning("picture not understood", filename=name, reason=str(error))
    return described


class Adopted:
    """Pictures whose command had no answer yet when the power went: its repeat finds them here.

    For as long as a repeat is one: the same id is another command later.
    """

    def __init__(self, journal: Journal) -> None:
        """Read which there are."""
        self._journal = journal
        self._found: dict[str, tuple[str, Seconds]] = json.loads(journal.value(_ADOPTED) or "{}")

    def add(self, tx: Transaction, picture: Described) -> None:
        """Remember a picture by the digest of its command, if it was one that asked for it."""
        if picture.command is None:
            return
        self._found[picture.command] = picture.document.filename, self._journal.age()
        for digest in list(self._found)[:-_MOST_ADOPTED]:
            del self._found[digest]
        tx.set_value(_ADOPTED, json.dumps(self._found))

    def find(self, command: Command) -> CaptureDocument | None:
        """The picture that was taken for a command; None if it was not cut short."""
        name, at = self._found.get(command.digest, ("", -KEPT))
        return self._journal.capture(name) if self._journal.age() - at < KEPT else None


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
