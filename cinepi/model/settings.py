"""The configuration, `cinepi.yaml`: each setting with its range, default and words, stated once."""

from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import msgspec

from cinepi.choices import choices_in
from cinepi.features import setting

if TYPE_CHECKING:  # to a type checker the names of files are text
    BackendName: TypeAlias = str
    ExposureModeName: TypeAlias = str
    PictureSuffix: TypeAlias = str
else:
    BackendName = Literal[("auto", *choices_in("cinepi.camera.backends"))]
    ExposureModeName = Literal[choices_in("cinepi.exposure.modes")]
    PictureSuffix = Literal[choices_in("cinepi.formats.pictures")]
WhiteBalance = Literal[
    "auto", "incandescent", "tungsten", "fluorescent", "indoor", "daylight", "cloudy"
]
Metering = Literal["centre", "spot", "matrix"]
NoiseReduction = Literal["off", "fast", "high_quality"]
FocusMode = Literal["manual", "auto", "continuous"]
FullPolicy = Literal["pause", "stop", "delete_oldest"]
LogLevel = Literal["debug", "info", "warning", "error"]


class Section(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=False
):
    """One section of the configuration."""


class CameraSettings(Section, frozen=True, kw_only=True):
    """How the camera takes a picture.

    The ranges are those of the product; a connected camera narrows them, and says which of these
    it can follow at all.
    """

    backend: Annotated[
        BackendName,
        setting(
            "Camera backend",
            "Which camera code to use; auto is picamera2 where that is installed.",
            place="diagnostic",
            is_common=False,
            needs_restart=True,
        ),
    ] = "auto"
    exposure_mode: Annotated[
        ExposureModeName,
        setting(
            "Exposure mode",
            "Whether the camera chooses shutter and gain, or you do.",
            icon="mdi:brightness-auto",
        ),
    ] = "auto"
    shutter_us: Annotated[
        int,
        setting(
            "Shutter",
            "Exposure time in manual mode.",
            minimum=100,
            maximum=600_000_000,
            step=100,
            unit="µs",
            icon="mdi:camera-timer",
        ),
    ] = 10_000
    iso: Annotated[
        int,
        setting(
            "ISO",
            "Sensitivity in manual mode; 100 is a sensor gain of 1.",
            minimum=100,
            maximum=800,
            step=1,
            icon="mdi:film",
        ),
    ] = 100
    gain: Annotated[
        float,
        setting(
            "Gain",
            "Factor on top of the ISO in manual mode.",
            minimum=1.0,
            maximum=8.0,
            step=0.1,
            icon="mdi:brightness-6",
        ),
    ] = 1.0
    ev: Annotated[
        float,
        setting(
            "Exposure bias",
            "Brighter or darker than the camera would choose, in stops.",
            minimum=-8.0,
            maximum=8.0,
            step=0.1,
            unit="EV",
            icon="mdi:plus-minus-variant",
        ),
    ] = 0.0
    metering: Annotated[
        Metering,
        setting(
            "Metering",
            "Which part of the scene sets the exposure.",
            icon="mdi:image-filter-center-focus",
            is_common=False,
        ),
    ] = "centre"
    white_balance: Annotated[
        WhiteBalance,
        setting("White balance", "The light that is to look white.", icon="mdi:white-balance-auto"),
    ] = "auto"
    resolution: Annotated[
        str,
        setting(
            "Resolution",
            "Size of the picture in pixels, WIDTHxHEIGHT.",
            pattern="^[1-9][0-9]{1,4}x[1-9][0-9]{1,4}$",
            example="1920x1080",
            icon="mdi:aspect-ratio",
        ),
    ] = "4056x3040"
    rotation: Annotated[
        Literal[0, 180],
        setting(
            "Rotation",
            "Turn the picture, for a camera that hangs upside down.",
            unit="°",
            icon="mdi:rotate-right",
        ),
    ] = 0
    focus_mode: Annotated[
        FocusMode,
        setting("Focus mode", "How a camera with a moving lens focuses.", icon="mdi:focus-auto"),
    ] = "continuous"
    lens_position: Annotated[
        float,
        setting(
            "Lens position",
            "Focus in manual mode: 0 is infinity, 10 is 10 cm.",
            minimum=0.0,
            maximum=32.0,
            step=0.1,
            unit="dpt",
            icon="mdi:image-filter-center-focus-weak",
        ),
    ] = 0.0
    brightness: Annotated[
        float,
        setting(
            "Brightness",
            "0 is neutral.",
            minimum=-1.0,
            maximum=1.0,
            step=0.05,
            icon="mdi:brightness-5",
        ),
    ] = 0.0
    contrast: Annotated[
        float,
        setting(
            "Contrast",
            "1 is neutral.",
            minimum=0.0,
            maximum=32.0,
            step=0.1,
            icon="mdi:contrast-circle",
        ),
    ] = 1.0
    saturation: Annotated[
        float,
        setting(
            "Saturation",
            "1 is neutral.",
            minimum=0.0,
            maximum=32.0,
            step=0.1,
            icon="mdi:palette",
        ),
    ] = 1.0
    sharpness: Annotated[
        float,
        setting(
            "Sharpness",
            "1 is neutral.",
            minimum=0.0,
            maximum=16.0,
            step=0.1,
            icon="mdi:blur",
        ),
    ] = 1.0
    noise_reduction: Annotated[
        NoiseReduction,
        setting(
            "Noise reduction",
            "How hard the camera smooths noise.",
            icon="mdi:blur-linear",
            is_common=False,
        ),
    ] = "high_quality"


class CaptureSettings(Section, frozen=True, kw_only=True):
    """When pictures are taken and how they are kept."""

    interval: Annotated[
        float,
        setting(
            "Interval",
            "Time from one frame of a session to the next.",
            minimum=1,
            maximum=3600,
            step=1,
            unit="s",
            icon="mdi:timer-outline",
            quantity="duration",
        ),
    ] = 30.0
    output_format: Annotated[
        PictureSuffix, setting("Format", "File format of the pictures.", is_common=False)
    ] = "jpg"
    quality: Annotated[
        int,
        setting(
            "JPEG quality",
            "95 is visually lossless; lower makes smaller files.",
            minimum=1,
            maximum=100,
            step=1,
            unit="%",
            icon="mdi:quality-high",
        ),
    ] = 95
    reserve_mb: Annotated[
        int,
        setting(
            "Disk reserve",
            "Free space that captures leave alone.",
            minimum=16,
            maximum=1_000_000,
            step=16,
            unit="MB",
            icon="mdi:harddisk",
        ),
    ] = 256
    when_full: Annotated[
        FullPolicy,
        setting(
            "When the disk is full",
            "What a session does at the reserve: wait, end, or delete the oldest pictures.",
            icon="mdi:harddisk-remove",
        ),
    ] = "pause"


class SystemSettings(Section, frozen=True, kw_only=True):
    """Logs and backups."""

    log_level: Annotated[
        LogLevel,
        setting(
            "Log level",
            "The least serious message that is logged.",
            icon="mdi:text-box-search-outline",
            place="diagnostic",
        ),
    ] = "info"
    backup_enabled: Annotated[
        bool,
        setting(
            "Backups",
            "Keep a copy of the configuration before each change.",
            icon="mdi:content-save-outline",
            is_common=False,
        ),
    ] = True
    backup_days: Annotated[
        int,
        setting(
            "Keep backups",
            "How long copies of the configuration are kept; the newest 5 always are.",
            minimum=1,
            maximum=3650,
            step=1,
            unit="d",
            icon="mdi:calendar-range",
            is_common=False,
        ),
    ] = 30


class Config(Section, frozen=True, kw_only=True):
    """The whole of `cinepi.yaml`."""

    camera: CameraSettings = CameraSettings()
    capture: CaptureSettings = CaptureSettings()
    system: SystemSettings = SystemSettings()
