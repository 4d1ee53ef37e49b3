"""`cinepid check`: everything that is wrong with the set-up, at once, each with what to do."""

import asyncio
import os
import stat
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from cinepi.clock import Clock, new_run_id
from cinepi.errors import CinepiError
from cinepi.model.documents import CameraDocument
from cinepi.paths import Layout
from cinepi.protocol import Check, HealthResult, WatchResult
from cinepi.units import Seconds
from cinepid import tls, topics
from cinepid.camera_service import CameraService
from cinepid.config import BrokerSettings, DaemonConfig, load
from cinepid.connection import Connection
from cinepid.errors import ConfigError, ConnectError, ProtocolRefusedError, RefusedError
from cinepid.message import Filter, Hello, Protocol, Server
from cinepid.pulse import Pulse
from cinepid.topics import Topics

SERVICE_LIMIT: Seconds = 5.0

_BAD_LOGIN = frozenset({0x86, 0x87})  # bad user name or password; not authorized


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report.

    Attributes:
        is_good: Whether all is well.
        what: What was looked at, and what was found.
        advice: What to do about it; empty where all is well.
        is_fatal: Whether the daemon cannot do its work so.
    """

    is_good: bool
    what: str
    advice: str = ""
    is_fatal: bool = True


async def findings(path: Path, layout: Layout, clock: Clock) -> list[Finding]:
    """Look at everything; takes at most half a minute for each broker that does not answer."""
    # systemd hands the daemon a copy of the password; who checks by hand, as root, reads it here.
    os.environ.setdefault("CREDENTIALS_DIRECTORY", str(layout.root / "etc/cinepid"))
    try:
        config = load(path)
    except ConfigError as error:
        return [Finding(is_good=False, what=str(error), advice="edit the file")]
    read = Finding(is_good=True, what=f"{path}: read, device {config.device_id}")
    return [read, *[finding async for finding in _look(config, layout, clock)]]


async def _look(config: DaemonConfig, layout: Layout, clock: Clock) -> AsyncIterator[Finding]:
    for finding in _look_at_password(config.broker):
        yield finding
    for folder in (layout.daemon_state.parent, layout.daemon_log.parent):
        yield _look_at_folder(folder)
    if clock.is_synced():
        yield Finding(is_good=True, what="clock: set by a time server")
    else:
        yield Finding(
            is_good=False,
            what="clock: no time server has set it, so times and ages cannot be trusted",
            advice="systemctl enable --now systemd-timesyncd, and see that it reaches a server",
            is_fatal=False,
        )
    for server in config.broker.all_servers():
        yield await _look_at_broker(server, config)
    async for finding in _look_at_service(layout, clock):
        yield finding


def _look_at_password(broker: BrokerSettings) -> list[Finding]:
    path = broker.password_path()
    if path is None:
        return []
    try:
        tls.password(broker)
    except ConnectError as error:
        return [Finding(is_good=False, what=str(error), advice="let the daemon's user read it")]
    if stat.S_IMODE(path.stat().st_mode) & stat.S_IROTH:
        return [
            Finding(
                is_good=False,
                what=f"{path}: everybody on this machine can read the password",
                advice=f"chmod o-r {path}",
            )
        ]
    return [Finding(is_good=True, what=f"{path}: read")]


def _look_at_folder(folder: Path) -> Finding:
    """See whether it can be written, or be made; leaves nothing behind."""
    nearest = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK):
        return Finding(is_good=True, what=f"{folder}: can be written")
    return Finding(
        is_good=False,
        what=f"{folder}: cannot be written by this user",
        advice="run the check as the daemon's user, or give it the folder",
    )


async def _look_at_broker(server: Server, config: DaemonConfig) -> Finding:
    """Do what the daemon does, under another name so as not to disturb it."""
    try:
        protocol = await _try(server, config, "5.0")
    except ProtocolRefusedError:
        try:
            protocol = await _try(server, config, "3.1.1")
        except CinepiError as error:
            return _broker_finding(server, error, config.broker)
    except CinepiError as error:
        return _broker_finding(server, error, config.broker)
    secure = "encrypted" if config.broker.uses_tls else "not encrypted"
    return Finding(is_good=True, what=f"broker {server}: lets us in, MQTT {protocol}, {secure}")


async def _try(server: Server, config: DaemonConfig, protocol: Protocol) -> Protocol:
    broker = config.broker
    hello = Hello(
        client_id=f"cinepid-check-{new_run_id()}",
        username=broker.username or None,
        password=tls.password(broker),
        tls=tls.context(broker),
        is_lasting=False,
    )
    connection = await Connection.open(server, hello, lambda _: None, protocol=protocol)
    try:
        own = Topics(config.device_id).commands
        await connection.subscribe([Filter(own), Filter(topics.BROADCAST_COMMANDS)])
    finally:
        connection.close()
    return protocol


def _broker_finding(server: Server, error: CinepiError, broker: BrokerSettings) -> Finding:
    if isinstance(error, RefusedError) and error.reason_code in _BAD_LOGIN:
        advice = "check username and password_file, and what the broker allows this user"
    elif isinstance(error, ConnectError) and broker.uses_tls:
        advice = "check host, port, ca_file and server_name; is the certificate still valid?"
    else:
        advice = "check host and port; is the broker running, and does a firewall let us through?"
    return Finding(is_good=False, what=f"broker {server}: {error}", advice=advice)


async def _look_at_service(layout: Layout, clock: Clock) -> AsyncIterator[Finding]:
    service = CameraService(layout, clock, Pulse(clock))
    running = asyncio.create_task(service.run(), name="camera service")
    try:
        state = await service.call("watch", WatchResult, limit=SERVICE_LIMIT)
        health = await service.call("health.get", HealthResult, limit=SERVICE_LIMIT)
    except CinepiError as error:
        yield Finding(
            is_good=False,
            what=str(error),
            advice=f"systemctl status cinepi; may this user use {layout.socket}?",
        )
        return
    finally:
        running.cancel()
    yield Finding(is_good=True, what=f"camera service: answers on {layout.socket}")
    yield _camera_finding(state.camera)
    yield _health_finding(
        f"captures in {layout.captures}",
        health.file_system,
        "df -h and ls -ld on that folder: space, owner, and is it mounted for writing?",
    )
    yield _health_finding(
        "camera configuration",
        health.configuration,
        "python3 -m cinepi.config validate; to go back: python3 -m cinepi.config recover",
    )


def _camera_finding(camera: CameraDocument) -> Finding:
    if not camera.connected:
        return Finding(
            is_good=False,
            what=f"camera: {camera.problem or 'none is connected'}",
            advice="check cable and connector, then: python3 -m cinepi.camera status",
        )
    if camera.backend == "simulated" and camera.settings.backend == "auto":
        return Finding(
            is_good=False,
            what=f"camera: {camera.model}, a simulated one, because picamera2 is not installed",
            advice="with a real camera: sudo apt install python3-picamera2, restart cinepi",
            is_fatal=False,
        )
    return Finding(is_good=True, what=f"camera: {camera.model}")


def _health_finding(what: str, check: Check, advice: str) -> Finding:
    if check.state == "ok":
        return Finding(is_good=True, what=f"{what}: well")
    is_fatal = check.state == "failing"
    return Finding(is_good=False, what=f"{what}: {check.reason}", advice=advice, is_fatal=is_fatal)
