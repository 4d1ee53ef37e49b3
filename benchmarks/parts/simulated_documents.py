"""What a light device says: the daemon's own types, with made-up content."""

import random
import time
from typing import Literal

import msgspec

from cinepi.clock import rfc3339
from cinepi.model.documents import CaptureDocument, SessionDocument
from cinepi.protocol import Check
from cinepid.health import Checks, HealthDocument, MqttHealth
from cinepid.payloads import InfoDocument, Stamp, StatusDocument

VERSION = "1.0.0"
BROADCAST = ("session/start", "session/stop", "snapshot/take", "system/ping", "system/republish")
COMMANDS = (*BROADCAST, "session/get", "camera/get", "health/check", "system/forget")


def status(stamp: Stamp, state: Literal["online", "offline"], reason: str, since: str) -> bytes:
    """Whether it is there."""
    return msgspec.json.encode(
        StatusDocument(
            at=stamp.at,
            boot=stamp.boot,
            seq=stamp.seq,
            state=state,
            reason=reason,
            since=since,
            version=VERSION,
            clock_synced=True,
        )
    )


def info(name: str, group: str) -> InfoDocument:
    """What it is."""
    return InfoDocument(
        device=name,
        name=name.replace("-", " "),
        area="",
        model="simulated",
        serial="",
        version=VERSION,
        python="",
        os="",
        contract="1.0",
        protocol="5.0",
        groups=(group,) if group else (),
        tags=(),
        commands=COMMANDS,
        broadcast_commands=BROADCAST,
        max_command_bytes=16384,
    )


def session(
    capture: CaptureDocument, *, is_active: bool, interval: float, frames: int, since: str
) -> SessionDocument:
    """What it does."""
    return SessionDocument(
        state="active" if is_active else "idle",
        id="20260101_000000_aaaa",
        interval=interval,
        frames=frames,
        started_at=since,
        last_frame_at=capture.taken_at,
    )


def health(frames: int, since: str) -> HealthDocument:
    """How it is."""
    well = Check(state="ok")
    return HealthDocument(
        state="ok",
        checks=Checks(cinepi_modules=well, file_system=well, configuration=well, mqtt=well),
        mqtt=MqttHealth(
            server="sim",
            protocol="5.0",
            reconnects=0,
            connected_since=since,
            round_trip_ms=0.5,
            max_packet_bytes=2**28,
            problem=None,
        ),
        cpu_percent=round(5 + 5 * random.random(), 1),  # noqa: S311 - habits, not secrets
        load_1m=0.1,
        memory_percent=40.0,
        memory_available_bytes=300_000_000,
        temperature_c=round(45 + 10 * random.random(), 1),  # noqa: S311 - habits, not secrets
        under_voltage=False,
        throttled=False,
        wifi_signal_dbm=-55,
        uptime_s=1000,
        disk_free_bytes=20_000_000_000,
        disk_total_bytes=30_000_000_000,
        disk_reserve_bytes=500_000_000,
        disk_days_left=90.0,
        disk_state="ok",
        captures=frames,
        captures_bytes=frames * 3_000_000,
        journal_depth=0,
        events_lost=0,
        session_stalled=False,
        service_response_ms=1.0,
        file_operation_ms=1.0,
        daemon_bytes=40_000_000,
        service_bytes=60_000_000,
        clock_synced=True,
    )


def capture(due: float | None) -> CaptureDocument:
    """A picture that was taken just now; `due` at an agreed instant."""
    now = time.time()
    stamp = time.strftime("%Y%m%d_%H%M%S", time.localtime(now))
    return CaptureDocument(
        filename=f"cinepi_{stamp}.jpg",
        path=f"/opt/cinepi/captures/cinepi_{stamp}.jpg",
        size=3_000_000,
        sha256="0" * 64,
        taken_at=rfc3339(now),
        width=4056,
        height=3040,
        kind="frame" if due is None else "snapshot",
        late_ms=None if due is None else round(1000 * (now - due), 3),
    )
