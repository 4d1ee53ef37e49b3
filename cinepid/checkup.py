"""`cinepid check`: everything that is wrong with the set-up, at once, each with what to do."""

import asyncio
import os
import socket
import ssl
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec

from cinepi.clock import Clock, new_run_id, rfc3339
from cinepi.errors import CinepiError, PermissionDeniedError
from cinepi.model.documents import CameraDocument
from cinepi.paths import Layout
from cinepi.protocol import Check, HealthResult, WatchResult
from cinepi.units import Seconds
from cinepi.vigil import Vigil
from cinepid import installation, tls, topics
from cinepid.camera_service import CameraService
from cinepid.config import BrokerSettings, DaemonConfig, load
from cinepid.connection import Connection
from cinepid.errors import (
    ConfigError,
    ConnectError,
    ConnectionLostError,
    ProtocolRefusedError,
    RefusedError,
    SilentError,
)
from cinepid.finding import Finding, doubtful, good, wrong
from cinepid.message import Filter, Hello, Outgoing, Protocol, Server
from cinepid.payloads import LogMessage
from cinepid.pulse import Pulse
from cinepid.topics import Topics

SERVICE_LIMIT: Seconds = 5.0

_BAD_LOGIN = frozenset({0x86, 0x87})  # bad user name or password; not authorized
_OWN_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_AUTHORITY_ADVICE = "check ca_file: it must be of the authority that signed this certificate"
_CERTIFICATE_ADVICE = {  # by OpenSSL's X509_V_ERR_…
    9: "check this device's clock (timedatectl): the certificate begins later",
    10: "check this device's clock (timedatectl); if it is right, renew the broker's certificate",
    62: "name the broker as its certificate does, in host or in server_name",
    64: "name the broker as its certificate does, in host or in server_name",
}


async def findings(path: Path, layout: Layout, clock: Clock) -> list[Finding]:
    """Look at everything; takes at most half a minute for each broker that does not answer."""
    # systemd hands the daemon a copy of the password; who checks by hand, as root, reads it here.
    os.environ.setdefault("CREDENTIALS_DIRECTORY", str(layout.root / "etc/cinepid"))
    try:
        config = load(path)
    except ConfigError as error:
        units = installation.look(path, None, layout.root)
        return [_config_finding(error), *(unit for unit in units if not unit.is_good)]
    read = good(f"{path}: read, device {config.device_id}")
    installed = installation.look(path, config.broker, layout.root)
    return [read, *installed, *[finding async for finding in _look(config, layout, clock)]]


def _config_finding(error: ConfigError) -> Finding:
    if isinstance(error.__cause__, PermissionError) and os.geteuid() != 0:
        return wrong(str(error), "run the check with sudo")
    if isinstance(error.__cause__, OSError):
        return wrong(str(error), "see that it is there, and that the daemon's user can read it")
    return wrong(str(error), "edit the file")


async def _look(config: DaemonConfig, layout: Layout, clock: Clock) -> AsyncIterator[Finding]:
    for finding in _look_at_password(config.broker):
        yield finding
    for folder in (layout.daemon_state.parent, layout.daemon_log.parent):
        yield _look_at_folder(folder)
    if clock.is_synced():
        yield good("clock: set by a time server")
    else:
        yield doubtful(
            "clock: no time server has set it, so times and ages cannot be trusted",
            "systemctl enable --now systemd-timesyncd, and see that it reaches a server",
        )
    for server in config.broker.all_servers():
        yield await _look_at_broker(server, config, clock)
    async for finding in _look_at_service(layout, clock):
        yield finding


def _look_at_password(broker: BrokerSettings) -> list[Finding]:
    try:
        path = broker.password_path()
        if path is None:
            return []
        password = tls.password(broker)
        is_open = stat.S_IMODE(path.stat().st_mode) & stat.S_IROTH
    except (ConnectError, PermissionError) as error:
        if os.geteuid() != 0:
            return [wrong(str(error), "run the check with sudo: the password is root's alone")]
        return [wrong(str(error), "see that it is there, and that the daemon's user can read it")]
    if is_open:
        what = f"{path}: everybody on this machine can read the password"
        return [wrong(what, f"chmod o-r {path}")]
    if not password:
        return [wrong(f"{path}: it is empty", "write the password into it, or delete it")]
    if not broker.username:
        what = f"{path}: there is a password, but no username to go with it"
        return [doubtful(what, "name the username under broker in cinepid.yaml")]
    return [good(f"{path}: read")]


def _look_at_folder(folder: Path) -> Finding:
    """See whether it can be written, or be made; leaves nothing behind."""
    nearest = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK):
        return good(f"{folder}: can be written")
    return wrong(
        f"{folder}: cannot be written by this user",
        "run the check with sudo, or give the daemon's user the folder",
    )


async def _look_at_broker(server: Server, config: DaemonConfig, clock: Clock) -> Finding:
    """Do what the daemon does, under another name so as not to disturb it."""
    try:
        protocol = await _try_both(server, config, clock)
    except PermissionDeniedError as error:
        what = f"broker {server}: lets us in, but not speak: {error}"
        name = config.broker.username or "clients without a name"
        advice = f"its access list must let {name} write cinepi/{config.device_id}/#"
        return wrong(what, advice)
    except CinepiError as error:
        return _broker_finding(server, error, config.broker)
    secure = "encrypted" if config.broker.uses_tls else "not encrypted"
    return good(f"broker {server}: lets us in, MQTT {protocol}, {secure}")


async def _try_both(server: Server, config: DaemonConfig, clock: Clock) -> Protocol:
    trial = _trial_message(Topics(config.device_id), clock)
    try:
        return await _try(server, config, "5.0", trial)
    except ProtocolRefusedError:
        return await _try(server, config, "3.1.1", trial)


async def _try(
    server: Server, config: DaemonConfig, protocol: Protocol, trial: Outgoing
) -> Protocol:
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
        await connection.publish(trial)
    finally:
        connection.close()
    return protocol


def _trial_message(own: Topics, clock: Clock) -> Outgoing:
    """Something that may be said at any time: whoever hears it, hears a word for the log."""
    level = "debug"
    message = LogMessage(
        at=rfc3339(clock.wall()),
        level=level,
        module="checkup",
        message="cinepid check tries whether this device may speak",
        fields={},
    )
    return Outgoing(topic=own.log(level), payload=msgspec.json.encode(message))


def _broker_finding(server: Server, error: CinepiError, broker: BrokerSettings) -> Finding:
    return wrong(f"broker {server}: {error}", _broker_advice(server, error, broker))


def _broker_advice(server: Server, error: CinepiError, broker: BrokerSettings) -> str:
    """What to do, by what the attempt ended with."""
    if isinstance(error, RefusedError) and error.reason_code in _BAD_LOGIN:
        if not broker.username:
            return "this broker wants a name: set username, and put its password in place"
        return "check username and password_file, and what the broker allows this user"
    match error.__cause__:
        case ssl.SSLCertVerificationError() as refused:
            return _CERTIFICATE_ADVICE.get(refused.verify_code, _AUTHORITY_ADVICE)
        case ssl.SSLError() | ConnectionResetError() if broker.uses_tls:
            return "does that port speak TLS? 8883 mostly does, 1883 does not"
        case socket.gaierror():
            return f"check host: nobody knows the name {server.host}; does the network work?"
        case ConnectionRefusedError() if server.host in _OWN_NAMES:
            return "sudo apt install mosquitto; if it is there: systemctl status mosquitto"
        case FileNotFoundError() | PermissionError():
            return "see that the files are there, and that the daemon's user can read them"
    if isinstance(error, ConnectionLostError | SilentError) and not broker.uses_tls:
        return "check port; if it is for TLS, name a ca_file or set tls: true"
    return "check host and port; is the broker running, and does a firewall let us through?"


async def _look_at_service(layout: Layout, clock: Clock) -> AsyncIterator[Finding]:
    service = CameraService(layout, clock, Pulse(Vigil(clock, lambda _: None)))
    running = asyncio.create_task(service.run(), name="camera service")
    try:
        state = await service.call("watch", WatchResult, limit=SERVICE_LIMIT)
        health = await service.call("health.get", HealthResult, limit=SERVICE_LIMIT)
    except CinepiError as error:
        yield wrong(str(error), f"systemctl status cinepi; may this user use {layout.socket}?")
        return
    finally:
        running.cancel()
    yield good(f"camera service: answers on {layout.socket}")
    yield _camera_finding(state.camera)
    yield _health_finding(
        f"captures in {layout.captures}",
        health.file_system,
        "df -h and ls -ld on that folder: space, owner, and is it mounted for writing?",
    )
    yield _health_finding(
        "camera configuration",
        health.configuration,
        "python3 -m cinepi.config validate lists what to mend; to put back what is in force: "
        "python3 -m cinepi.config recover",
    )


def _camera_finding(camera: CameraDocument) -> Finding:
    if not camera.connected:
        return wrong(
            f"camera: {camera.problem or 'none is connected'}",
            "check cable and connector, then: python3 -m cinepi.camera status",
        )
    if camera.backend == "simulated" and camera.settings.backend == "auto":
        return doubtful(
            f"camera: {camera.model}, a simulated one, because picamera2 is not installed",
            "with a real camera: sudo apt install python3-picamera2, restart cinepi",
        )
    return good(f"camera: {camera.model}")


def _health_finding(what: str, check: Check, advice: str) -> Finding:
    if check.state == "ok":
        return good(f"{what}: well")
    judge = wrong if check.state == "failing" else doubtful
    return judge(f"{what}: {check.reason}", advice)
