"""Taking a picture: from the order to its files on the disk and its row in the journal."""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

from cinepi.camera.camera import Camera
from cinepi.capture.expose import Exposer
from cinepi.capture.naming import parse_name
from cinepi.capture.shot import Order, Shot, document, event
from cinepi.capture.store import Store
from cinepi.clock import Clock
from cinepi.errors import CinepiError, InvalidArgumentError, StorageFullError
from cinepi.formats import registry
from cinepi.formats.preview import preview_of_file
from cinepi.journal.journal import Journal, Transaction
from cinepi.model.documents import CaptureDocument
from cinepi.model.settings import CaptureSettings
from cinepi.units import MEGABYTE, Bytes, Seconds

_FIRST_BYTES_PER_PIXEL = 0.6
"""Of a JPEG at quality 95; generous, for want of a picture to learn from."""
_SAFETY = 1.5  # the next shot may be so much larger than a typical one
_LEARNING = 0.2  # weight of the newest shot


class Taker:
    """Takes pictures, one after the other, in the thread that owns the camera.

    Attributes:
        typical_bytes: Size of a shot, learned; 0 before the first.
        typical_seconds: Time from the order to the journal, learned; 0 before the first.
    """

    def __init__(
        self,
        camera: Camera,
        store: Store,
        journal: Journal,
        clock: Clock,
        *,
        on_exposed: Callable[[], None] = lambda: None,
        on_stored: Callable[[], None] = lambda: None,
    ) -> None:
        """Use these parts, which outlive this one.

        Args:
            camera: Takes the pictures.
            store: Their folder.
            journal: Their index.
            clock: The time.
            on_exposed: Called as soon as the camera has given the frame or failed, before anything
                else.
            on_stored: Called after each picture that has been kept.
        """
        self._camera = camera
        self._exposer = Exposer(camera, clock)
        self._store = store
        self._journal = journal
        self._clock = clock
        self._keeping = threading.Lock()  # a name that is free again may be given to a new picture
        self._latest: tuple[str, bytes] | None = None
        self._on_exposed = on_exposed
        self._on_stored = on_stored
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
            StorageUnavailableError: The folder is not there, or another one; as before.
            CameraUnavailableError: The camera gave no picture.
            DeadlineError: The camera gave no picture in time.
            PermissionDeniedError: The folder cannot be written.
            InternalError: The disk or the database failed.
        """
        now = self._clock.monotonic()
        began = max(now, order.due or now)
        self._check_space(settings.reserve_mb)
        shot = self._exposer.expose(order, settings, self._on_exposed)
        with self._keeping:
            capture = self._keep(shot, also)
        if shot.preview is not None:
            self._latest = capture.filename, shot.preview
        self._learn(capture.total_size, self._clock.monotonic() - began)
        self._on_stored()
        return capture

    def tidy(self) -> None:
        """Delete what could not be deleted when a picture was not kept; not while one is stored.

        Raises:
            CinepiError: It cannot be deleted now either; the next call tries again.
        """
        if not self._store.leftover or not self._keeping.acquire(blocking=False):
            return
        try:
            self._delete_unindexed(sorted(self._store.leftover))
        finally:
            self._keeping.release()

    def between_pictures(self, work: Callable[[], None]) -> None:
        """Do something with folder and index while no picture is being stored; any thread."""
        with self._keeping:
            work()

    def preview_of(self, filename: str) -> bytes:
        """A small JPEG of a shot, at most 100 KB; any thread, 50 ms at 12 megapixels.

        Args:
            filename: Of the picture or of any other file of its shot.

        Raises:
            InvalidArgumentError: There is no such file.
            InternalError: It is damaged.
        """
        latest = self._latest
        if latest is not None and latest[0] == filename:
            return latest[1]
        name = parse_name(filename)
        if not name.is_picture:
            capture = self._journal.capture(filename)
            if capture is None:
                raise InvalidArgumentError.at("/filename", f"there is no capture {filename}")
            return self.preview_of(capture.filename)
        return preview_of_file(registry.pictures()[name.suffix], self._store.read(filename))

    def _check_space(self, reserve_mb: int) -> None:
        self._store.check()
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

    def _keep(
        self, shot: Shot, also: Callable[[Transaction, CaptureDocument], None]
    ) -> CaptureDocument:
        """Put it on the disk and into the journal, or neither."""
        stored = self._store.write(shot.files, shot.wall, self._is_indexed)
        kept = document(stored, shot.wall, shot.picture, shot.exposures)
        try:
            with self._journal.transaction() as transaction:
                transaction.add_capture(kept)
                transaction.append(event(kept))
                also(transaction, kept)
        except BaseException:
            names = [file.name for file in stored]
            self._store.leftover.update(names)
            with suppress(CinepiError):  # what went wrong first is what matters
                self._delete_unindexed(names)
            raise
        return kept

    def _delete_unindexed(self, names: Sequence[str]) -> None:
        """Delete the files of shots that were not kept: pictures first, then what lay beside them.

        A name that the index has meanwhile belongs to another shot.
        """
        unknown = [name for name in names if not self._is_indexed(name)]
        pictures = [name for name in unknown if parse_name(name).is_picture]
        for name in pictures:
            self._store.delete(name)
        if pictures:
            self._store.flush()
        self._store.leftover.difference_update(names)
        if companions := set(unknown).difference(pictures):
            self._store.delete_companions(companions)

    def _is_indexed(self, name: str) -> bool:
        return self._journal.capture(name) is not None

    def _learn(self, size: Bytes, seconds: Seconds) -> None:
        is_first = self.typical_bytes == 0
        weight = 1.0 if is_first else _LEARNING
        self.typical_bytes += round(weight * (size - self.typical_bytes))
        self.typical_seconds += weight * (seconds - self.typical_seconds)
