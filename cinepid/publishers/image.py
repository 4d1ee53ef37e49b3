"""The preview of the newest picture, retained: the latest only, however fast they come."""

import asyncio

from cinepi.errors import CinepiError
from cinepi.logs.setup import logger
from cinepi.protocol import CaptureReadParams, CaptureReadResult
from cinepi.units import Bytes, Seconds
from cinepid.camera_service import CameraService
from cinepid.publishers.mirror import Mirror
from cinepid.publishers.state import RetainedState
from cinepid.pulse import Pulse
from cinepid.topics import Topics

PERIOD: Seconds = 0.5
"""At most one preview in this time: they are for people."""
MAX_BYTES: Bytes = 100 * 1024

_log = logger("image")


class Image:
    """Shows the newest picture."""

    def __init__(
        self, topics: Topics, state: RetainedState, service: CameraService, mirror: Mirror
    ) -> None:
        """Show nothing before `run`."""
        self._topics = topics
        self._state = state
        self._service = service
        self._mirror = mirror
        self._shown: str | None = None

    async def run(self, pulse: Pulse) -> None:
        """Publish the preview of each new picture, until cancelled."""
        while True:
            await pulse.rest("image", self._mirror.captured)
            filename = self._mirror.newest_capture
            if not self._mirror.captured.is_set() or filename is None:
                continue
            self._mirror.captured.clear()
            if filename != self._shown:
                await self._show(filename)
                await asyncio.sleep(PERIOD)

    async def _show(self, filename: str) -> None:
        params = CaptureReadParams(filename=filename, preview=True)
        try:
            preview = await self._service.call("captures.read", CaptureReadResult, params)
        except CinepiError as error:  # deleted meanwhile, or no service: the next one will do
            _log.info("no preview", filename=filename, reason=str(error))
            return
        if preview.total > MAX_BYTES or len(preview.data) < preview.total:
            _log.warning("preview is too large", filename=filename, bytes=preview.total)
            return
        self._shown = filename
        self._state.put_raw(self._topics.image, preview.data)
