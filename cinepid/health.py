"""The `health` document: how device, camera service and connection are."""

from typing import Annotated, Literal

from cinepi.features import reading
from cinepi.protocol import Check
from cinepid.payloads import Payload


class Checks(Payload, frozen=True):
    """The four checks that the dashboards of old had, each with a reason that says what to do."""

    cinepi_modules: Check
    file_system: Check
    configuration: Check
    mqtt: Check


class MqttHealth(Payload, frozen=True):
    """The connection to the broker.

    Attributes:
        server: Host and port.
        protocol: MQTT version.
        reconnects: Connections lost since the daemon started.
        connected_since: RFC 3339.
        round_trip_ms: The newest; None before there is one.
        max_packet_bytes: What the broker takes at most.
        problem: What is wrong; None if nothing.
    """

    server: str
    protocol: str
    reconnects: int
    connected_since: str | None
    round_trip_ms: (
        Annotated[
            float,
            reading(
                "MQTT round trip",
                "From a health message to the broker's acknowledgement.",
                unit="ms",
                quantity="duration",
                precision=1,
                is_common=False,
            ),
        ]
        | None
    )
    max_packet_bytes: int
    problem: str | None


class HealthDocument(Payload, frozen=True):
    """`health`: how the device is; None where the board cannot tell.

    Attributes:
        state: The worst of the checks.
        checks: One by one.
        mqtt: The connection to the broker.
        journal_depth: Events that the broker has not acknowledged yet.
        events_lost: Dropped by the journal, or refused by the broker, since this daemon's state
            file began.
        session_stalled: No picture for two intervals and half a minute.
        service_response_ms: How long the camera service took to answer `health.get`.
        file_operation_ms: How long it took to see whether pictures can be written: the system is
            asked each time, and a file is made every half hour.
        daemon_bytes: Memory of this daemon.
        service_bytes: Memory of the camera service.
        clock_synced: Whether a time server has set the clock.
    """

    state: Annotated[
        Literal["ok", "degraded", "failing", "unknown"],
        reading("Health", "The worst of all checks.", icon="mdi:heart-pulse"),
    ]
    checks: Checks
    mqtt: MqttHealth
    cpu_percent: Annotated[
        float, reading("CPU", "Use of all cores.", unit="%", precision=0, icon="mdi:cpu-64-bit")
    ]
    load_1m: float
    memory_percent: Annotated[
        float, reading("Memory", "Memory in use.", unit="%", precision=0, icon="mdi:memory")
    ]
    memory_available_bytes: int
    temperature_c: (
        Annotated[
            float,
            reading(
                "CPU temperature",
                "Of the chip.",
                unit="°C",
                quantity="temperature",
                precision=1,
                depends_on_board=True,
            ),
        ]
        | None
    )
    under_voltage: (
        Annotated[
            bool,
            reading(
                "Under-voltage",
                "The power supply is too weak.",
                quantity="problem",
                depends_on_board=True,
            ),
        ]
        | None
    )
    throttled: (
        Annotated[
            bool,
            reading(
                "Throttled", "The chip is slowed down.", quantity="problem", depends_on_board=True
            ),
        ]
        | None
    )
    wifi_signal_dbm: (
        Annotated[
            int,
            reading(
                "Wi-Fi signal",
                "Strength of the wireless network.",
                unit="dBm",
                quantity="signal_strength",
                depends_on_board=True,
                is_common=False,
            ),
        ]
        | None
    )
    uptime_s: Annotated[
        int,
        reading(
            "Uptime",
            "Since the device started.",
            unit="s",
            quantity="duration",
            is_common=False,
        ),
    ]
    disk_free_bytes: (
        Annotated[
            int,
            reading("Disk free", "Free space under the captures.", unit="B", quantity="data_size"),
        ]
        | None
    )
    disk_total_bytes: int | None
    disk_reserve_bytes: int | None
    disk_days_left: (
        Annotated[
            float,
            reading(
                "Disk days left",
                "Until the disk is full at the present rate.",
                unit="d",
                quantity="duration",
                precision=1,
                icon="mdi:calendar-clock",
            ),
        ]
        | None
    )
    disk_state: str | None
    captures: (
        Annotated[
            int, reading("Captures", "Pictures on the disk.", icon="mdi:folder-multiple-image")
        ]
        | None
    )
    captures_bytes: int | None
    journal_depth: Annotated[
        int | None,
        reading(
            "Events waiting", "Events not yet delivered.", icon="mdi:tray-full", is_common=False
        ),
    ]
    events_lost: Annotated[
        int,
        reading(
            "Events lost",
            "Events that the journal had to drop, or that the broker refused.",
            counts_up=True,
            icon="mdi:tray-remove",
        ),
    ]
    session_stalled: Annotated[
        bool,
        reading(
            "Session stalled",
            "A session is on, and takes no pictures.",
            quantity="problem",
        ),
    ]
    service_response_ms: float | None
    file_operation_ms: float | None
    daemon_bytes: int
    service_bytes: int | None
    clock_synced: Annotated[
        bool,
        reading("Clock set", "Whether a time server has set the clock.", icon="mdi:clock-check"),
    ]
