"""What is in the folder, and what the journal says is there, become one again."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from cinepi.capture.adopted import Adopted
from cinepi.capture.reindex import Described, describe
from cinepi.capture.removal import tell_missing
from cinepi.capture.store import Store
from cinepi.capture.sweep import Quarantined, Sweep, sweep
from cinepi.clock import parse_time
from cinepi.errors import CinepiError, ConflictError
from cinepi.journal.journal import Journal, Transaction
from cinepi.journal.net import understood
from cinepi.logs.setup import logger
from cinepi.model.documents import CaptureDocument
from cinepi.model.events import CaptureQuarantined, CapturesFound, CaptureStored
from cinepi.stem import stem_of

_BATCH = 1000  # pictures in one transaction: one fsync for all of them
_MOST_DIGESTED = 50  # reading thousands of pictures whole would take hours on a card
_FEW = 3  # the shutter takes one picture at a time, so a crash leaves one or two
_MOST_STORED = 100  # found pictures that are told one by one, whatever the journal has lost
_COUNTED = "captures_found"

_log = logger("reconcile")


@dataclass(frozen=True, slots=True)
class CutShort:
    """What the run before may have left on the disk and in no index.

    Attributes:
        is_crash: Whether it ended without closing the journal.
        session: Id of the session that ran; None without one.
        slot: The first slot of that session that is not counted.
    """

    is_crash: bool
    session: str | None = None
    slot: int = 0


def at_once(work: Callable[[], None]) -> None:
    """Do it: nobody stores a picture at the start."""
    work()


def reconcile(
    store: Store,
    journal: Journal,
    before: CutShort | None = None,
    *,
    between_pictures: Callable[[Callable[[], None]], None] = at_once,
) -> Iterator[None]:
    """Make the index match the folder, step by step: each `next` does at most 1000 pictures.

    Half-written files go, and broken pictures are put aside. A picture that was complete on the
    disk but not yet journalled when the power went is journalled now, with its own event. All other
    pictures that the index does not know were put there by somebody: they are indexed at their own
    time, and told in one event with their count. What the index knows and the folder has not is
    told as missing, in steps.

    The first step looks at the folder and takes about a second for 100,000 pictures. Each found
    picture costs about 0.2 ms more.

    Args:
        store: The folder.
        journal: The index.
        before: What the run before may have left; None once the session has gone on, which has
            counted its frames by then.
        between_pictures: Does the first look while no picture is being stored.

    Raises:
        CinepiError: The folder or the journal fails; a later call goes on.
    """
    looks: list[Sweep] = []

    def look() -> None:
        with store.removing:  # what lies beside a picture that goes has no picture for a moment
            looks.append(sweep(store.folder, journal.capture_names()))

    between_pictures(look)
    swept = looks[0]
    yield
    yield from _take_up(store, journal, swept, before)
    for _ in tell_missing(store, journal, swept.missing):
        yield
    yield from _tell_quarantined(journal, swept.quarantined)
    if swept.found or swept.missing or swept.quarantined:
        _log.warning(
            "captures reconciled",
            found=len(swept.found),
            missing=len(swept.missing),
            quarantined=len(swept.quarantined),
        )


def _take_up(
    store: Store, journal: Journal, swept: Sweep, before: CutShort | None
) -> Iterator[None]:
    """Index what was found; the count goes on in the journal until the last of it is told."""
    found = swept.found
    left_behind = _LeftBehind(journal, before, len(found))
    adopted = Adopted(journal)
    counted = understood(journal.value(_COUNTED), CapturesFound, "the count of found pictures")
    for begin in range(0, len(found), _BATCH):
        names = found[begin : begin + _BATCH]
        pictures = _describe_all(
            store, names, swept.companions, has_digest=len(found) <= _MOST_DIGESTED
        )
        with journal.transaction() as tx:
            for picture in pictures:
                is_ours = left_behind.has(picture)
                if not _index(tx, picture.document, is_found=not is_ours):
                    continue
                adopted.add(tx, picture)
                if is_ours:
                    tx.append(CaptureStored(**msgspec.structs.asdict(picture.document)))
                else:
                    counted = _one_more(counted, picture.document.filename)
            if counted is not None:
                tx.set_value(_COUNTED, msgspec.json.encode(counted).decode())
        yield
    if counted is not None:
        with journal.transaction() as tx:
            tx.append(counted)
            tx.drop_values([_COUNTED])


class _LeftBehind:
    """Tells a picture that a crash left unjournalled from those that somebody put into the folder.

    The next frames of the running session are such pictures. So are, after a crash, those that are
    newer than all that the index has; and where the clock had been set back, or the index is empty,
    as few as a crash can leave.
    """

    def __init__(self, journal: Journal, before: CutShort | None, found: int) -> None:
        self._before = before or CutShort(is_crash=False)
        self._are_few = found <= _FEW
        newest = journal.newest_capture()
        self._newest = None if newest is None else parse_time(newest.taken_at, "/taken_at")
        self._told = 0

    def has(self, picture: Described) -> bool:
        """Whether to tell this one as a picture that was taken just before."""
        is_ours = self._told < _MOST_STORED and (
            self._is_awaited(picture.document)
            or (self._before.is_crash and (self._is_newer(picture) or self._are_few))
        )
        self._told += is_ours
        return is_ours

    def _is_awaited(self, capture: CaptureDocument) -> bool:
        return (
            capture.session is not None
            and capture.session == self._before.session
            and capture.frame is not None
            and capture.frame >= self._before.slot
        )

    def _is_newer(self, picture: Described) -> bool:
        taken = parse_time(picture.document.taken_at, "/taken_at")
        return self._newest is not None and taken >= self._newest


def _index(tx: Transaction, capture: CaptureDocument, *, is_found: bool) -> bool:
    try:
        tx.add_capture(capture, is_found=is_found)
    except ConflictError as error:
        _log.warning("picture not indexed", filename=capture.filename, reason=str(error))
        return False
    return True


def _one_more(counted: CapturesFound | None, name: str) -> CapturesFound:
    """The names come in order, and so `last` is the newest so far."""
    if counted is None:
        return CapturesFound(count=1, first=name, last=name)
    return CapturesFound(
        count=counted.count + 1, first=min(counted.first, name), last=max(counted.last, name)
    )


def _describe_all(
    store: Store,
    names: Sequence[str],
    companions: Mapping[str, tuple[str, ...]],
    *,
    has_digest: bool,
) -> list[Described]:
    described = []
    for name in names:
        try:
            beside = companions.get(stem_of(name), ())
            described.append(describe(store, name, beside, has_digest=has_digest))
        except CinepiError as error:
            _log.warning("picture not understood", filename=name, reason=str(error))
    return described


def _tell_quarantined(journal: Journal, quarantined: Sequence[Quarantined]) -> Iterator[None]:
    for begin in range(0, len(quarantined), _BATCH):
        with journal.transaction() as tx:
            for broken in quarantined[begin : begin + _BATCH]:
                tx.append(
                    CaptureQuarantined(
                        filename=broken.name, moved_to=str(broken.moved_to), reason=broken.reason
                    )
                )
        yield
