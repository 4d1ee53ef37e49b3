"""From an order to a shot: the camera is asked for its frames, and each is encoded."""

from collections.abc import Callable
from dataclasses import replace

from cinepi.camera.camera import Camera
from cinepi.camera.contract import Frame
from cinepi.capture.develop import Files, PreviewBeside, developed
from cinepi.capture.shot import Order, Shot, taken_exposure
from cinepi.clock import Clock, clock_error_ms
from cinepi.errors import CinepiError
from cinepi.exposure.meter import level
from cinepi.formats.contract import Facts, Provenance, Said
from cinepi.logs.setup import logger
from cinepi.model.exposures import Exposure, TakenExposure
from cinepi.model.settings import CaptureSettings
from cinepi.units import MonotonicTime, Stops, WallTime

_log = logger("expose")


class Exposer:
    """Exposes shots, one after the other, in the thread that owns the camera."""

    def __init__(self, camera: Camera, clock: Clock) -> None:
        """Use these parts, which outlive this one."""
        self._camera = camera
        self._clock = clock

    def expose(self, order: Order, settings: CaptureSettings, exposed: Callable[[], None]) -> Shot:
        """Expose and encode what an order asks for.

        Each frame is encoded before the next exposure, since a camera lends one or two buffers and
        each is as large as all else that this takes. A further exposure that fails is left out.

        Args:
            order: What is wanted, and when.
            settings: Which formats, and what they want to know.
            exposed: Called as soon as the camera has given the first frame or failed.

        Raises:
            CameraUnavailableError: The camera gave no picture, or a damaged one.
            DeadlineError: The camera gave no picture in time.
            InternalError: The encoder has made a damaged picture.
        """
        first, *further = order.exposures or (None,)
        try:
            frame = self._camera.take(order.due, exposure=first, latest=order.latest)
        finally:
            exposed()  # before any thread is started: it would inherit the real-time class
        preview = PreviewBeside(frame)
        try:
            facts = self._facts(frame, order, settings, first)
            picture = Said(frame.main.width, frame.main.height, facts.wall, facts.provenance)
            files = developed(frame, facts, settings)
            small = preview.result(files)
        finally:
            preview.end()
            frame.release()
        exposures: list[TakenExposure] = []
        for number, exposure in enumerate(further, start=2):
            try:
                exposures.append(self._expose_further(order, settings, exposure, number, files))
            except CinepiError as error:
                _log.warning("exposure not kept", number=number, reason=str(error))
        return Shot(
            wall=facts.wall,
            picture=picture,
            files=files,
            exposures=tuple(exposures),
            preview=small,
        )

    def _expose_further(
        self,
        order: Order,
        settings: CaptureSettings,
        exposure: Exposure | None,
        number: int,
        files: Files,
    ) -> TakenExposure:
        """Take one more exposure at once, and add its files."""
        frame = self._camera.take(exposure=exposure, latest=order.latest)
        try:
            facts = self._facts(frame, replace(order, due=None), settings, exposure)
            files.update(developed(frame, facts, settings, number))
        finally:
            frame.release()
        return taken_exposure(facts.provenance)

    def _facts(
        self, frame: Frame, order: Order, settings: CaptureSettings, exposure: Exposure | None
    ) -> Facts:
        late_ms = None if order.due is None else round(1000 * (frame.began_at - order.due), 3)
        is_synced = self._clock.is_synced()
        return Facts(
            wall=self._wall_at(frame.began_at),
            model=self._camera.document().model,
            provenance=Provenance(
                kind=order.kind,
                session=order.session,
                frame=order.slot,
                late_ms=late_ms,
                quality=settings.quality,
                achieved=frame.achieved,
                level_ev=_level(frame),
                clock_synced=is_synced,
                clock_error_ms=clock_error_ms() if is_synced else None,
                command=order.command,
                asked=exposure or Exposure(),
            ),
            session_name=order.session_name,
        )

    def _wall_at(self, moment: MonotonicTime) -> WallTime:
        return self._clock.wall() - (self._clock.monotonic() - moment)


def _level(frame: Frame) -> Stops | None:
    """How bright a frame is; None where that cannot be said, which never costs the picture."""
    try:
        return round(level((frame.preview or frame.main).y), 3)
    except Exception:  # noqa: BLE001 - whatever it is, the picture is there
        _log.exception("a frame cannot be metered")
        return None
