"""camera/get: the camera, its settings and what it can follow."""

from cinepi.model.documents import CameraDocument
from cinepi.protocol import NoParams
from cinepid.commands._contract import Command, passed_on


def _say(camera: CameraDocument) -> str:
    if camera.connected:
        return f"{camera.model or 'Camera'} is connected"
    return camera.problem or "No camera is connected"


COMMAND = Command(
    summary="Say how the camera is and is set.",
    arguments=NoParams,
    result=CameraDocument,
    run=passed_on("camera.get", CameraDocument),
    say=_say,
)
