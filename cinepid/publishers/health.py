"""How the device is: measured, checked, and said every half minute."""

import time
from collections.abc import Callable
from typing import Literal

import msgspec
import psutil

from cinepi.clock import Clock, parse_time
from cinepi.errors import CinepiError
from cinepi.logs.setup import logger
from cinepi.model.documents import SessionDocument
from cinepi.protocol import Check, HealthResult
from cinepi.units import Milliseconds, Seconds, WallTime
from cinepi.vigil import TURN
from cinepid.camera_service import CameraService
from cinepid.health import Checks, HealthDocument, MqttHealth
from cinepid.memory import Memory
from cinepid.presence import Presence
from cinepid.publishers.board import Board
from cinepid.publishers.mirror import Mirror
from cinepid.publishers.state import RetainedState
from cinepid.pulse import Pulse
from cinepid.topics import Topics
from cinepid.uplink import Uplink

PERIOD: Seconds = 30.0
DEEP_JOURNAL = 1000
"""So many events waiting are worth a word."""
STALLED_AFTER: Seconds = 30.0
"""A session may be so late, beside two intervals, before it counts as stalled."""

State = Literal["ok", "degraded", "failing", "unknown"]

_WORST_FIRST: tuple[State, ...] = ("failing", "degraded", "unknown", "ok")

_log = logger("health")


def is_stalled(session: SessionDocument, wall: WallTime) -> bool:
    """Whether a session is on and has taken no picture for longer than it should have."""
    times = (session.last_frame_at, session.started_at)
    seen = [parse_time(text, "/last_frame_at") for text in times if text is not None]
    if session.state != "active" or not seen:
        return False
    return wall - max(seen) > 2 * (session.interval or 0) + STALLED_AFTER


class Health:
    """Looks, and tells."""

    def __init__(
        self,
        *,
        topics: Topics,
        state: RetainedState,
        service: CameraService,
        mirror: Mirror,
        uplink: Uplink,
        presence: Presence,
        memory: Memory,
        clock: Clock,
    ) -> None:
        """Be ready to `run`."""
        self._topics = topics
        self._state = state
        self._service = service
        self._mirror = mirror
        self._uplink = uplink
        self._presence = presence
        self._memory = memory
        self._clock = clock
        self.on_look: list[Callable[[HealthDocument], None]] = []
        self._board = Board()
        self._process = psutil.Process()

    async def run(self, pulse: Pulse) -> None:
        """Tell every `PERIOD`, and when camera or disk fall ill or get well, until cancelled."""
        psutil.cpu_percent()  # it measures from call to call
        due = self._clock.monotonic()
        while True:
            left = due - self._clock.monotonic()
            if left > 0:
                is_ailing = await pulse.rest("health", self._mirror.ailing, min(left, TURN))
                if not is_ailing:
                    continue
            self._mirror.ailing.clear()
            due = self._clock.monotonic() + PERIOD
            await self.look()

    def look_again(self) -> None:
        """A connection begins: what was said of the last one is not true any more."""
        self._mirror.ailing.set()

    async def look(self) -> HealthDocument:
        """Measure everything now, and tell."""
        service, response_ms = await self._ask_service()
        document = self._document(service, response_ms)
        self._state.put(self._topics.document("health"), msgspec.json.encode(document))
        for listener in self.on_look:
            listener(document)
        return document

    async def _ask_service(self) -> tuple[HealthResult, Milliseconds | None]:
        began = self._clock.monotonic()
        try:
            found = await self._service.call("health.get", HealthResult)
        except CinepiError as error:
            reason = f"{error}; see systemctl status cinepi"
            unknown = Check(state="unknown", reason="the camera service does not answer")
            return (
                HealthResult(
                    cinepi_modules=Check(state="failing", reason=reason),
                    file_system=unknown,
                    configuration=unknown,
                    file_operation_ms=None,
                    rss_bytes=0,
                ),
                None,
            )
        return found, round((self._clock.monotonic() - began) * 1000, 3)

    def _document(self, service: HealthResult, response_ms: Milliseconds | None) -> HealthDocument:
        checks = Checks(
            cinepi_modules=service.cinepi_modules,
            file_system=service.file_system,
            configuration=service.configuration,
            mqtt=self._check_mqtt(),
        )
        states = {check.state for check in msgspec.structs.astuple(checks)}
        memory = psutil.virtual_memory()
        disk = self._mirror.storage
        return HealthDocument(
            state=next(state for state in _WORST_FIRST if state in states),
            checks=checks,
            mqtt=self._mqtt(),
            cpu_percent=psutil.cpu_percent(),
            load_1m=round(psutil.getloadavg()[0], 2),
            memory_percent=memory.percent,
            memory_available_bytes=memory.available,
            temperature_c=self._board.temperature_c(),
            under_voltage=self._board.under_voltage(),
            throttled=self._board.throttled(),
            wifi_signal_dbm=self._board.wifi_signal_dbm(),
            uptime_s=int(time.clock_gettime(time.CLOCK_BOOTTIME)),
            disk_free_bytes=disk.free_bytes if disk else None,
            disk_total_bytes=disk.total_bytes if disk else None,
            disk_reserve_bytes=disk.reserve_bytes if disk else None,
            disk_days_left=disk.days_left if disk else None,
            disk_state=disk.state if disk else None,
            captures=disk.captures if disk else None,
            captures_bytes=disk.captures_bytes if disk else None,
            journal_depth=self._journal_depth(),
            events_lost=self._memory.content.events_lost,
            session_stalled=is_stalled(self._mirror.session, self._clock.wall()),
            service_response_ms=response_ms,
            file_operation_ms=service.file_operation_ms,
            daemon_bytes=self._process.memory_info().rss,
            service_bytes=service.rss_bytes or None,
            clock_synced=self._clock.is_synced(),
        )

    def _mqtt(self) -> MqttHealth:
        connection = self._uplink.connection
        return MqttHealth(
            server=str(connection.server) if connection else "",
            protocol=connection.protocol if connection else "",
            reconnects=self._uplink.reconnects,
            connected_since=self._uplink.connected_since,
            round_trip_ms=self._state.round_trip_ms,
            max_packet_bytes=connection.limits.max_packet if connection else 0,
            problem=self._uplink.problem or self._presence.problem,
        )

    def _check_mqtt(self) -> Check:
        connection = self._uplink.connection
        if connection is None:
            return Check(state="failing", reason=self._uplink.problem or "not connected")
        if problem := self._uplink.problem or self._presence.problem:
            return Check(state="degraded", reason=problem)
        if not connection.limits.has_retain:
            reason = "the broker does not store retained messages: viewers see nothing until it "
            return Check(state="degraded", reason=reason + "changes; switch them on in the broker")
        depth = self._journal_depth()
        if depth is not None and depth > DEEP_JOURNAL:
            return Check(state="degraded", reason=f"{depth} events wait to be delivered")
        return Check(state="ok")

    def _journal_depth(self) -> int | None:
        last = self._mirror.last_seq
        return None if last is None else max(0, last - self._memory.cursor)
