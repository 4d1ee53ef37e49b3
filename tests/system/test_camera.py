"""The real picamera2 and libcamera behind the installed product."""

import simplejpeg

from tests.system.dashboard import Dashboard
from tests.system.machine import Machine

CHANGES = 12
SIZES = ("1280x720", "1920x1080")


def test_every_resolution_is_taken_at_once(pi: Machine, dashboard: Dashboard) -> None:
    """The camera changes its mode again and again, and no step of recovery is needed for it."""
    for number in range(CHANGES):
        wanted = SIZES[number % len(SIZES)]
        dashboard.command("camera/set", resolution=wanted)
        picture = dashboard.command("snapshot/take")
        content = pi.path(picture["path"]).read_bytes()
        height, width, *_ = simplejpeg.decode_jpeg_header(content)
        assert f"{width}x{height}" == wanted
    recovery = dashboard.state("camera")["recovery"]
    assert (recovery["restarts"], recovery["reopens"], recovery["exits"]) == (0, 0, 0), recovery


def test_what_a_camera_cannot_is_said(pi: Machine, dashboard: Dashboard) -> None:
    """Controls that this camera does not have are named as dropped, and pictures are taken."""
    dashboard.command("camera/set", exposure_mode="manual", iso=400, shutter_us=20000)
    camera = dashboard.state("camera", suits=lambda found: bool(found["dropped"]))
    assert camera["model"] == "Virtual camera of the test box"
    assert pi.path(dashboard.command("snapshot/take")["path"]).exists()
