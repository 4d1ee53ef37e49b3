"""Taking a picture: from the order to a file on the disk and its row in the journal."""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import msgspec

from cinepi.camera.camera import Camera
from cinepi.camera.contract import Frame
from cinepi.capture.beside import Beside
from cinepi.capture.store import Store, StoredFile
from cinepi.clock import Clock, clock_error_ms, rfc3339
from cinepi.errors import CinepiError, StorageFullError
from cinepi.formats.exif import Facts, Provenance
from cinepi.formats.jpg import Buffer, develop, preview_of_frame, preview_of_jpeg
from cinepi.journal.journal import Journal, Transaction
from cinepi.model.documents import CaptureDocument, CaptureKind
from cinepi.model.events import CaptureStored
from cinepi.model.settings import CaptureSettings
from cinepi.units import Bytes, MonotonicTime, Seconds, WallTime

MEGABYTE: Bytes = 1_000_000

_FIRST_BYTES_PER_PIXEL = 0.6
"""Of a JPEG at quality 95; generous, for want of a picture to learn from."""
_SAFETY = 1.5  # the next picture may be so much larger than a typical one
_LEARNING = 0.2  # weight of the newest picture


@dataclass(frozen=True, slots=True)
class Order:
    """One picture that is wanted.

    Attributes:
        kind: A session's frame, or a snapshot.
        due: When the exposure was to begin; None for at once.
        session: Id of the session.
        frame: Number of the slot in the session, from 0.
        session_name: What the user called the session.
        command: Digest of the command that asks for it.
    """

    kind: CaptureKind
    due: MonotonicTime | None = None
    session: str | None = None
    frame: int | None = None
    session_name: str | None = None
    command: str | None = None


@dataclass(frozen=True, slots=True)
class _Taken:
    """A frame that has left the camera: its bytes, and all that is said of it."""

    parts: tuple[Buffer, ...]
    preview: bytes
    width: int
    height: int
    facts: Facts


class Taker:
    """Takes pictures, one after the other, in the thread that owns the camera.

    Attributes:
        typical_bytes: Size of a picture, learned; 0 before the first.
        typical_seconds: Time from the order to the journal, learned; 0 before the first.
        exposed: Called as soon as the camera has given the frame or failed, before anything else.
        stored: Called with each picture that has been kept.
    """

    def __init__(self, camera: Camera, store: Store, journal: Journal, clock: Clock) -> None:
        """Use these parts, which outlive this one."""
        self._camera = camera
        self._store = store
        self._journal = journal
        self._clock = clock
        self._keeping = threading.Lock()  # a name that is free again may be given to a new picture
        self._latest: tuple[str, bytes] | None = None
        self.exposed: Callable[[], None] = lambda: None
        self.stored: Callable[[CaptureDocument], None] = lambda _: None
        self.typical_bytes: Bytes = 0
        self.typical_seconds: Seconds = 0.0

    def take(
        self,
        order: Order,
        settings: CaptureSettings,
        also: Callable[[Transaction, CaptureDocument], None],
    ) -> CaptureDocument:
        """Take a picture when it is due and keep it, or leave nothing behind.

        Blocks until then, for the exposure, the encoding, and four fsyncs. When it returns, the
        file and the journal's event and index row are on the disk, the latter in one transaction
        with whatever `also` writes.

        Raises:
            StorageFullError: It would go into the reserve; the shutter was not released.
            CameraUnavailableError: The camera gave no picture.
            DeadlineError: The camera gave no picture in time.
            PermissionDeniedError: The folder cannot be written.
            InternalError: The disk or the database failed.
        """
        now = self._clock.monotonic()
        began = max(now, order.due or now)
        self._check_space(settings.reserve_mb)
        taken = self._expose(order, settings)
        with self._keeping:
            document = self._keep(taken, also)
        self._latest = document.filename, taken.preview
        self._learn(document.size, self._clock.monotonic() - began)
        self.stored(document)
        return document

    def tidy(self) -> None:
        """Delete what could not be deleted when a picture was not kept; not while one is stored.

        Raises:
            CinepiError: It cannot be deleted now either; the next call tries again.
        """
        if not self._store.leftover or not self._keeping.acquire(blocking=False):
            return
        try:
            for name in sorted(self._store.leftover):
                self._delete_unindexed(name)
        finally:
            self._keeping.release()

    def between_pictures(self, work: Callable[[], None]) -> None:
        """Do something with folder and index while no picture is being stored; any thread."""
        with self._keeping:
            work()

    def preview_of(self, filename: str) -> bytes:
        """A small JPEG of a picture, at most 100 KB; any thread, 50 ms at 12 megapixels.

        Raises:
            InvalidArgumentError: There is no such picture.
            InternalError: It is damaged.
        """
        latest = self._latest
        if latest is not None and latest[0] == filename:
            return latest[1]
        return preview_of_jpeg(self._store.read(filename))

    def _check_space(self, reserve_mb: int) -> None:
        free, _ = self._store.disk()
        next_size = self.typical_bytes * _SAFETY or self._first_guess()
        if free - next_size >= reserve_mb * MEGABYTE:
            return
        raise StorageFullError(
            f"{free // MEGABYTE} MB are free and {reserve_mb} MB of them are the reserve: "
            "there is no room for another picture"
        )

    def _first_guess(self) -> float:
        width, height = self._camera.document().settings.resolution.split("x")
        return int(width) * int(height) * _FIRST_BYTES_PER_PIXEL

    def _expose(self, order: Order, settings: CaptureSettings) -> _Taken:
        try:
            frame = self._camera.take(order.due)
        finally:
            self.exposed()  # before any thread is started: it would inherit the real-time class
        preview = Beside(lambda: preview_of_frame(frame), "preview")
        try:
            facts = self._facts(frame, order, settings)
            parts = tuple(develop(frame, quality=settings.quality, facts=facts))
            return _Taken(
                parts=parts,
                preview=preview.result() or preview_of_jpeg(b"".join(parts)),
                width=frame.main.width,
                height=frame.main.height,
                facts=facts,
            )
        finally:
            preview.wait()
            frame.release()

    def _keep(
        self, taken: _Taken, also: Callable[[Transaction, CaptureDocument], None]
    ) -> CaptureDocument:
        """Put it on the disk and into the journal, or neither."""
        stored = self._store.write(taken.parts, taken.facts.wall, self._is_indexed)
        document = _document(stored, taken)
        try:
            with self._journal.transaction() as transaction:
                transaction.append(_event(document))
                transaction.add_capture(document)
                also(transaction, document)
        except BaseException:
            self._store.leftover.add(stored.name)
            with suppress(CinepiError):  # what went wrong first is what matters
                self._delete_unindexed(stored.name)
            raise
        return document

    def _delete_unindexed(self, name: str) -> None:
        if not self._is_indexed(name):
            self._store.delete(name)
            self._store.flush()
        self._store.leftover.discard(name)

    def _facts(self, frame: Frame, order: Order, settings: CaptureSettings) -> Facts:
        late_ms = None if order.due is None else round(1000 * (frame.began_at - order.due), 3)
        return Facts(
            wall=self._wall_at(frame.began_at),
            model=self._camera.document().model,
            provenance=Provenance(
                kind=order.kind,
                session=order.session,
                frame=order.frame,
                late_ms=late_ms,
                quality=settings.quality,
                achieved=frame.achieved,
                clock_synced=self._clock.is_synced(),
                command=order.command,
            ),
            session_name=order.session_name,
        )

    def _wall_at(self, moment: MonotonicTime) -> WallTime:
        return self._clock.wall() - (self._clock.monotonic() - moment)

    def _is_indexed(self, name: str) -> bool:
        return self._journal.capture(name) is not None

    def _learn(self, size: Bytes, seconds: Seconds) -> None:
        is_first = self.typical_bytes == 0
        weight = 1.0 if is_first else _LEARNING
        self.typical_bytes += round(weight * (size - self.typical_bytes))
        self.typical_seconds += weight * (seconds - self.typical_seconds)


def _document(stored: StoredFile, taken: _Taken) -> CaptureDocument:
    return CaptureDocument(
        filename=stored.name,
        path=str(stored.path),
        size=stored.size,
        sha256=stored.sha256,
        taken_at=rfc3339(taken.facts.wall),
        width=taken.width,
        height=taken.height,
        clock_error_ms=clock_error_ms() if taken.facts.provenance.clock_synced else None,
        **taken.facts.provenance.indexed(),
    )


def _event(document: CaptureDocument) -> CaptureStored:
    return CaptureStored(**msgspec.structs.asdict(document))
