"""Many devices in one process: the product's own announcements, without cameras behind them."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import msgspec

from cinepi.clock import SystemClock
from cinepi.features import Feature, features_of
from cinepi.model.documents import CameraDocument
from cinepi.model.settings import CameraSettings
from cinepi.vigil import Vigil
from cinepid.config import HomeAssistantSettings
from cinepid.connection import Connection
from cinepid.discovery.homeassistant import HomeAssistant
from cinepid.message import Hello, Incoming, Outgoing, Server
from cinepid.payloads import InfoDocument
from cinepid.pulse import Pulse
from cinepid.topics import Topics

T = TypeVar("T")

_LIMIT = 30.0
_STATUS = b'{"state":"online","since":"2026-01-01T00:00:00Z","version":"0.1.0"}'


def camera(model: str = "imx477", *, max_iso: int = 800) -> CameraDocument:
    """A camera that offers everything, up to some ISO."""
    features = {feature.key: feature for feature in features_of(CameraSettings)}
    del features["backend"]
    features["resolution"] = features["resolution"].narrowed(choices=("4056x3040", "640x480"))
    features["iso"] = features["iso"].narrowed(maximum=max_iso)
    offered: tuple[Feature, ...] = tuple(features.values())
    settings = CameraSettings(iso=min(400, max_iso))
    return CameraDocument(
        connected=True, health="ok", model=model, features=offered, settings=settings
    )


class Fleet:
    """Devices with nothing but an announcement, a status and a camera document."""

    def __init__(self, folder: Path, port: int, names: tuple[str, ...]) -> None:
        """Prepare; they are there while the block runs."""
        self._folder = folder
        self._port = port
        self._names = names
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fleet")
        self._announcers: dict[str, HomeAssistant] = {}
        self._connection: Connection | None = None
        self._cameras: dict[str, CameraDocument] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def __enter__(self) -> Self:
        """Connect and announce all."""
        self._thread.start()
        self._wait_for(self._begin)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Withdraw all."""
        self._wait_for(self._end)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def plug_in(self, name: str, document: CameraDocument) -> None:
        """Give a device another camera."""

        async def change() -> None:
            self._cameras[name] = document
            await self._say_state(name)
            self._announcers[name].on_camera(document)

        self._wait_for(change)

    def be_born(self) -> None:
        """Hear Home Assistant's birth message, all at once."""

        async def hear() -> None:
            for announcer in self._announcers.values():
                announcer.hear(Incoming(topic="homeassistant/status", payload=b"online"))

        self._wait_for(hear)

    def _wait_for(self, work: Callable[[], Awaitable[T]]) -> T:
        async def run() -> T:
            return await work()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(_LIMIT)

    async def _begin(self) -> None:
        clock = SystemClock()
        pulse = Pulse(Vigil(clock, print))
        self._connection = await Connection.open(
            Server("127.0.0.1", self._port),
            Hello(client_id="fleet", is_lasting=False),
            lambda _: None,
        )
        for name in self._names:
            self._cameras[name] = camera()
            announcer = HomeAssistant(
                HomeAssistantSettings(),
                lambda name=name: _info(name),  # type: ignore[misc]
                self._folder / f"{name}.json",
                clock=clock,
                pulse=pulse,
            )
            announcer.on_camera(self._cameras[name])
            self._announcers[name] = announcer
            await self._say_state(name)
            await announcer.announce(self._connection)
            run = announcer.run(
                self._connection,
                lambda name=name: self._say_state(name),  # type: ignore[misc]
            )
            self._tasks.append(asyncio.create_task(run, name=name))

    async def _end(self) -> None:
        assert self._connection is not None
        for task in self._tasks:
            task.cancel()
        for name, announcer in self._announcers.items():
            await announcer.withdraw(self._connection)
            for document in ("status", "camera"):
                topic = Topics(name).document(document)
                await self._connection.publish(Outgoing(topic=topic, payload=b"", retain=True))
        self._connection.close()

    async def _say_state(self, name: str) -> None:
        assert self._connection is not None
        topics = Topics(name)
        for topic, payload in (
            (topics.document("camera"), msgspec.json.encode(self._cameras[name])),
            (topics.status, _STATUS),
        ):
            await self._connection.publish(Outgoing(topic=topic, payload=payload, retain=True))


def _info(name: str) -> InfoDocument:
    return InfoDocument(
        device=name,
        name=name,
        area="",
        model="Raspberry Pi 5",
        serial="",
        version="0.1.0",
        python="",
        os="",
        contract="1.0",
        protocol="5.0",
        groups=(),
        tags=(),
        commands=(),
        broadcast_commands=(),
        max_command_bytes=16384,
    )
