"""A device to announce."""

import pytest

from cinepi.features import Feature, features_of
from cinepi.model.settings import CameraSettings
from cinepid.discovery.facts import Facts
from cinepid.payloads import InfoDocument


@pytest.fixture
def camera_features() -> tuple[Feature, ...]:
    """What a camera offers that knows four sizes and nothing of focus."""
    offered = {feature.key: feature for feature in features_of(CameraSettings)}
    offered["resolution"] = offered["resolution"].narrowed(
        choices=("4056x3040", "2028x1520", "1920x1080", "640x480")
    )
    offered["iso"] = offered["iso"].narrowed(minimum=100, maximum=640)
    missing = {"backend", "focus_mode", "lens_position"}
    return tuple(feature for key, feature in offered.items() if key not in missing)


@pytest.fixture
def info() -> InfoDocument:
    """A device without a board of its own."""
    return InfoDocument(
        device="garden-cam",
        name="garden-cam",
        area="",
        model="Raspberry Pi 4 Model B Rev 1.5",
        serial="",
        version="0.1.0",
        python="3.11.2",
        os="Debian GNU/Linux 12",
        contract="1.0",
        protocol="5.0",
        groups=(),
        tags=(),
        commands=(),
        broadcast_commands=(),
        max_command_bytes=16384,
    )


@pytest.fixture
def facts(info: InfoDocument, camera_features: tuple[Feature, ...]) -> Facts:
    """The device with its camera."""
    return Facts(info=info, camera_model="imx477", camera_features=camera_features)
