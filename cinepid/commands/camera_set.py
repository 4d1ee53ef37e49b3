"""camera/set: change settings of the camera, and the quality of its pictures."""

from typing import get_type_hints

import msgspec

from cinepi.model.documents import CameraDocument
from cinepi.model.settings import CameraSettings, CaptureSettings
from cinepi.protocol import CameraSetParams, Params
from cinepid.commands._contract import Command, Context

_NOT_OVER_MQTT = {"backend"}  # that is a matter of config/patch and a restart


def _settings() -> list[tuple[str, object, object]]:
    hints = get_type_hints(CameraSettings, include_extras=True)
    hints = {key: hint for key, hint in hints.items() if key not in _NOT_OVER_MQTT}
    hints["quality"] = get_type_hints(CaptureSettings, include_extras=True)["quality"]
    return [(key, hint | msgspec.UnsetType, msgspec.UNSET) for key, hint in hints.items()]


SetParams: type[Params] = msgspec.defstruct(  # type: ignore[assignment]
    "SetParams", _settings(), bases=(Params,), frozen=True, kw_only=True
)
"""Arguments: any of the settings, each with its own words and range."""


async def _run(context: Context, arguments: Params) -> CameraDocument:
    given: dict[str, bool | int | float | str] = msgspec.to_builtins(arguments)
    return await context.call("camera.set", CameraDocument, CameraSetParams(settings=given))


def _say(camera: CameraDocument) -> str:
    said = "Camera settings changed"
    if camera.dropped:
        said += f"; this camera cannot follow {', '.join(camera.dropped)}"
    if camera.adjusted:
        said += f"; moved into this camera's range: {', '.join(camera.adjusted)}"
    return said


COMMAND = Command(
    summary="Change settings of the camera.",
    arguments=SetParams,
    result=CameraDocument,
    run=_run,
    say=_say,
    lane="camera",
    max_age_s=300,
    limit_s=60,
    is_recorded=True,
    inner="/settings",
)
