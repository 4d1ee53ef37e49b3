"""What the camera service says of itself becomes retained documents."""

import asyncio
from collections.abc import Callable

import msgspec

from cinepi.errors import CinepiError
from cinepi.logs.setup import logger
from cinepi.model.documents import CameraDocument, CameraState, SessionDocument, StorageDocument
from cinepi.protocol import WatchResult
from cinepid.camera_service import GRACE, CameraService
from cinepid.payloads import SchemaDocument
from cinepid.publishers.state import RetainedState
from cinepid.pulse import Pulse
from cinepid.topics import Topics

_TOPICS = {"session": ("session",), "config": ("config",)}
_SCHEMA = ("config", "schema")

_log = logger("mirror")


class Mirror:
    """Hears the camera service, and keeps what others here need to know.

    Attributes:
        camera: The camera as last heard of, and as it is told.
        storage: The disk as last heard of; None before.
        session: The session as last heard of.
        last_seq: The newest event; None before the first contact.
        captured: Set when there is a new picture; who shows it clears it.
        ailing: Set when camera or disk have become well or ill; who looks clears it.
        on_features: Called when another camera is connected, or the first.
    """

    def __init__(self, topics: Topics, state: RetainedState, service: CameraService) -> None:
        """Say nothing before the service does."""
        self.camera = CameraDocument()
        self.storage: StorageDocument | None = None
        self.session = SessionDocument()
        self.last_seq: int | None = None
        self.captured = asyncio.Event()
        self.ailing = asyncio.Event()
        self.newest_capture: str | None = None
        self.on_features: list[Callable[[], None]] = []
        self._topics = topics
        self._state = state
        self._service = service
        self._schema_wanted = asyncio.Event()
        self._giving_up: asyncio.TimerHandle | None = None

    def on_up(self, state: WatchResult) -> None:
        """See `Listener.on_up`."""
        if self._giving_up:
            self._giving_up.cancel()
        for name in WatchResult.__struct_fields__:
            document = getattr(state, name)
            if isinstance(document, msgspec.Struct):
                self.on_state(name, msgspec.json.encode(document))
        self.last_seq = state.last_seq
        self._schema_wanted.set()

    def on_down(self, reason: str) -> None:
        """See `Listener.on_down`; a service that restarts is not worth a word."""
        if self._giving_up:
            self._giving_up.cancel()
        self._giving_up = asyncio.get_running_loop().call_later(GRACE, self._say_lost, reason)

    def on_state(self, topic: str, document: bytes) -> None:
        """See `Listener.on_state`."""
        before = self.camera.health, self.storage and self.storage.state
        if topic == "camera":
            self._say_camera(msgspec.json.decode(document, type=CameraDocument))
        elif topic == "session":
            self.session = msgspec.json.decode(document, type=SessionDocument)
        elif topic == "storage":
            self.storage = msgspec.json.decode(document, type=StorageDocument)
        elif topic == "capture":
            self._state.put(self._topics.document("capture"), document)
            self.newest_capture = msgspec.json.decode(document, type=_Named).filename
            self.captured.set()
        if (self.camera.health, self.storage and self.storage.state) != before:
            self.ailing.set()
        if topic in _TOPICS:
            self._state.put(self._topics.document(*_TOPICS[topic]), document)

    def on_journal(self, last_seq: int) -> None:
        """See `Listener.on_journal`."""
        self.last_seq = last_seq

    async def run(self, pulse: Pulse) -> None:
        """Fetch the schema whenever the service has started, until cancelled."""
        while True:
            await pulse.rest("mirror", self._schema_wanted)
            if not self._schema_wanted.is_set() or not self._service.is_up:
                continue
            self._schema_wanted.clear()
            try:
                found = await self._service.call("config.schema", SchemaDocument)
            except CinepiError as error:
                _log.warning("no schema", reason=str(error))
                continue
            self._state.put(self._topics.document(*_SCHEMA), msgspec.json.encode(found.schema))

    def _say_lost(self, reason: str) -> None:
        self.ailing.set()
        self._say_camera(
            msgspec.structs.replace(self.camera, connected=False, health="lost", problem=reason)
        )

    def _say_camera(self, camera: CameraDocument) -> None:
        """Say all but the features: they stay the same with every picture, and `info` has them."""
        has_others = camera.features != self.camera.features
        self.camera = camera
        told = {key: getattr(camera, key) for key in CameraState.__struct_fields__}
        self._state.put(self._topics.document("camera"), msgspec.json.encode(told))
        if has_others:
            for tell in self.on_features:
                tell()


class _Named(msgspec.Struct, frozen=True):
    """The part of a capture's document that is needed here."""

    filename: str
