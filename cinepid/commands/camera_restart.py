"""camera/restart: close the camera and open it again; not behind a capture that may hang."""

from cinepi.model.documents import CameraDocument
from cinepi.protocol import NoParams
from cinepid.commands._contract import Command, passed_on


def _said(camera: CameraDocument) -> str:
    if not camera.connected:
        return "Camera did not come back"
    return "Camera restarted" + (f"; {camera.problem}" if camera.problem else "")


COMMAND = Command(
    summary="Close the camera and open it again.",
    arguments=NoParams,
    result=CameraDocument,
    run=passed_on("camera.restart", CameraDocument),
    say=_said,
    lane="restart",
    max_age_s=60,
    limit_s=90,
    is_recorded=True,
)
