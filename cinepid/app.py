"""The daemon: everything is made, tied together, started and stopped here."""

import asyncio
import os
import platform
import signal
from collections.abc import Coroutine

import msgspec

from cinepi import systemd
from cinepi.clock import Clock
from cinepi.errors import InvalidArgumentError, PermissionDeniedError
from cinepi.heap import share, trim
from cinepi.lock import only_one
from cinepi.logs.setup import logger, set_up
from cinepi.paths import Layout
from cinepi.vigil import EXIT_HANGS, Vigil, end_soon
from cinepid import topics
from cinepid.camera_service import CameraService
from cinepid.commands._contract import Parts
from cinepid.commands._dispatch import Dispatcher
from cinepid.commands._registry import commands
from cinepid.commands._request import MAX_BYTES
from cinepid.config import DaemonConfig
from cinepid.connection import Connection
from cinepid.device import Device
from cinepid.discovery.homeassistant import HomeAssistant
from cinepid.memory import Memory
from cinepid.message import Incoming
from cinepid.payloads import CONTRACT, CameraInfo, InfoDocument
from cinepid.presence import Presence
from cinepid.publishers.board import Board
from cinepid.publishers.events import Events
from cinepid.publishers.health import Health
from cinepid.publishers.image import Image
from cinepid.publishers.log import LogPublisher
from cinepid.publishers.mirror import Mirror
from cinepid.publishers.state import RetainedState
from cinepid.pulse import Pulse
from cinepid.uplink import Uplink

TRIM_EVERY = 6
"""Turns from one return of memory to the next."""

_log = logger("app")


async def run(config: DaemonConfig, layout: Layout, clock: Clock) -> None:
    """Run until SIGTERM or SIGINT. Broker and camera service may come and go meanwhile.

    Raises:
        PermissionDeniedError: The folder for the daemon's state cannot be made.
        ConflictError: A daemon runs already below the same root.
        BaseExceptionGroup: A loop that must live has died.
    """
    _make_folder(layout)
    one = f"a daemon below {layout.root}"
    with only_one(layout.daemon_state.parent, one):
        await _serve(config, layout, clock)


async def _serve(config: DaemonConfig, layout: Layout, clock: Clock) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    share()
    vigil = Vigil(clock, _end)
    daemon = _Daemon(config, layout, clock, vigil)
    async with asyncio.TaskGroup() as loops:
        tasks = [loops.create_task(loop, name=name) for name, loop in daemon.loops().items()]
        for task in tasks:
            vigil.expect(task.get_name())
        vigil.start()
        systemd.notify("READY=1")
        _log.info("daemon started", device=daemon.device.id, version=daemon.device.version)
        await stopping.wait()
        vigil.stop()
        systemd.notify("STOPPING=1")
        _log.info("daemon stops")
        await daemon.stop()
        for task in tasks:
            task.cancel()


class _Daemon:
    """All parts, tied together."""

    def __init__(self, config: DaemonConfig, layout: Layout, clock: Clock, vigil: Vigil) -> None:
        self._memory = Memory(layout.daemon_state)
        self.device = device = Device.of(config, self._memory, clock)
        self._pulse = Pulse(vigil)
        self._service = CameraService(layout, clock, self._pulse)
        self._uplink = Uplink(
            config.broker.all_servers(),
            lambda: self._presence.hello(),  # noqa: PLW0108 - it is made below
            self._birth,
            self._route,
            clock=clock,
            pulse=self._pulse,
        )
        log = LogPublisher(device.topics, self._uplink, config.log.mqtt_level, clock)
        set_up(layout.daemon_log, config.log.level, forward=log.forward, to_stderr=True)
        self._state = RetainedState(device, self._uplink, self._memory, clock)
        self._presence = Presence(device, config.broker, self._state, clock)
        self._mirror = Mirror(device.topics, self._state, self._service)
        self._image = Image(device.topics, self._state, self._service, self._mirror)
        self._events = Events(device.topics, self._service, self._uplink, self._memory, clock)
        self._homeassistant = HomeAssistant(
            config.homeassistant,
            self._info,
            layout.daemon_state.with_name("homeassistant.json"),
            clock=clock,
            pulse=self._pulse,
        )
        self._health = Health(
            topics=device.topics,
            state=self._state,
            service=self._service,
            mirror=self._mirror,
            uplink=self._uplink,
            presence=self._presence,
            memory=self._memory,
            clock=clock,
        )
        self._dispatcher = Dispatcher(
            Parts(
                device=device,
                service=self._service,
                uplink=self._uplink,
                presence=self._presence,
                health=self._health,
                layout=layout,
                clock=clock,
                pulse=self._pulse,
            )
        )
        self._tie()

    def _tie(self) -> None:
        """Who is told of what."""
        delivery = self._dispatcher.delivery
        self._presence.announcers.append(self._homeassistant)
        self._presence.on_online += [
            self._state.begin,
            self._events.begin,
            self._health.look_again,
            delivery.look_again,
        ]
        self.device.groups.on_change.append(self._say_info)
        self._mirror.on_features.append(self._say_info)
        self._health.on_look.append(self._homeassistant.on_health)
        for listener in (self._mirror, self._events, self._homeassistant, delivery):
            self._service.add_listener(listener)

    def loops(self) -> dict[str, Coroutine[None, None, None]]:
        """Everything that must live; the process ends when one of them dies."""
        pulse, uplink, presence = self._pulse, self._uplink, self._presence
        return {
            "camera service": self._service.run(),
            "uplink": uplink.run(),
            "state": self._state.run(pulse),
            "events": self._events.run(pulse),
            "delivery": self._dispatcher.delivery.run(pulse),
            "mirror": self._mirror.run(pulse),
            "image": self._image.run(pulse),
            "health": self._health.run(pulse),
            "presence": presence.run(uplink, pulse),
            "discovery": self._homeassistant.run(
                uplink, lambda: presence.refresh(uplink.connection)
            ),
            "heap": _give_back(pulse),
        }

    async def stop(self) -> None:
        """Leave in the reverse order: nothing new, what is under way, the connection."""
        await self._dispatcher.close()
        await self._dispatcher.delivery.close()
        if self._uplink.connection is not None:
            await self._presence.goodbye(self._uplink.connection)

    async def _birth(self, connection: Connection) -> None:
        self._say_info()
        await self._presence.birth(connection)

    def _say_info(self) -> None:
        self._state.put(self.device.topics.document("info"), msgspec.json.encode(self._info()))

    def _route(self, message: Incoming) -> None:
        """Give a message to whoever wants it."""
        if self._homeassistant.hear(message):
            return
        try:
            address = topics.parse(message.topic)
        except InvalidArgumentError:
            message.acknowledge()
            return
        if topics.is_command(address):
            self._dispatcher.receive(message, address)
        else:
            self._presence.hear_status(message, self._uplink.connection)

    def _info(self) -> InfoDocument:
        device, board, known = self.device, Board(), commands()
        connection = self._uplink.connection
        return InfoDocument(
            device=device.id,
            name=device.name,
            area=device.area,
            model=board.model(),
            serial=board.serial(),
            version=device.version,
            python=platform.python_version(),
            os=platform.freedesktop_os_release().get("PRETTY_NAME", platform.system()),
            contract=CONTRACT,
            protocol=connection.protocol if connection else "",
            groups=device.groups.names,
            tags=device.tags,
            commands=tuple(known),
            broadcast_commands=tuple(n for n, command in known.items() if command.is_broadcast),
            max_command_bytes=MAX_BYTES,
            cameras=self._cameras(),
        )

    def _cameras(self) -> tuple[CameraInfo, ...]:
        camera = self._mirror.camera
        if not camera.features:
            return ()
        return (
            CameraInfo(
                model=camera.model,
                camera_id=camera.camera_id,
                backend=camera.backend,
                settings=camera.features,
            ),
        )


async def _give_back(pulse: Pulse) -> None:
    """Return free memory to the system: messages leave it in pieces, 0.1 MB in a minute."""
    never = asyncio.Event()
    while True:
        for _ in range(TRIM_EVERY):
            await pulse.rest("heap", never)
        trim()


def _end(reason: str) -> None:
    """End the process because something in it hangs."""
    end_soon(EXIT_HANGS)
    _log.critical("giving up", reason=reason)
    os._exit(EXIT_HANGS)


def _make_folder(layout: Layout) -> None:
    folder = layout.daemon_state.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PermissionDeniedError(
            f"cannot make the folder {folder}: {error.strerror}; "
            "run as the user cinepid, or set CINEPI_ROOT to a folder of your own"
        ) from error
    if not os.access(folder, os.W_OK):
        raise PermissionDeniedError(f"the folder {folder} cannot be written by this user")
