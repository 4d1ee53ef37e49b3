"""The camera: get, set, restart."""

from cinepi.check import unknown_key
from cinepi.errors import DeadlineError, InvalidArgumentError, Problem
from cinepi.model.documents import CameraDocument
from cinepi.model.settings import CameraSettings, Config
from cinepi.protocol import CameraSetParams, ConfigChangeResult, NoParams
from cinepi.service.requests import Call, method

RESTART_LIMIT_S = 30.0
"""How long `camera.restart` waits for the camera thread."""

_CAMERA_KEYS = CameraSettings.__struct_fields__
_CAPTURE_KEYS = ("quality",)


@method("camera.get", NoParams)
def get(call: Call[NoParams]) -> CameraDocument:
    """Tell how it is."""
    return call.parts.camera.document()


@method("camera.set", CameraSetParams)
def set_(call: Call[CameraSetParams]) -> CameraDocument:
    """Change settings, in the configuration; the next picture has them.

    Keys are those of the configuration's `camera` section, and `quality`; problems name them as
    they were given, `/iso` and not `/camera/iso`.
    """
    wanted = call.params.settings
    known = [*_CAMERA_KEYS, *_CAPTURE_KEYS]
    if unknown := [unknown_key(key, known, "") for key in wanted if key not in known]:
        raise InvalidArgumentError.of(unknown)
    if not wanted:
        message = f"give at least one setting: {', '.join(sorted(known))}"
        raise InvalidArgumentError(message)
    patch: dict[str, object] = {
        "camera": {key: value for key, value in wanted.items() if key in _CAMERA_KEYS},
        "capture": {key: value for key, value in wanted.items() if key in _CAPTURE_KEYS},
    }

    def outcome(_: ConfigChangeResult, config: Config) -> CameraDocument:
        return call.parts.camera.document_with(config.camera)

    configuration = call.parts.configuration
    try:
        configuration.patch(patch, command=call.command, outcome=outcome)
    except InvalidArgumentError as error:
        raise InvalidArgumentError.of([_without_section(p) for p in error.problems]) from error
    return call.parts.camera.document_with(call.parts.in_force.config.camera)


@method("camera.restart", NoParams, lane="camera")
def restart(call: Call[NoParams]) -> CameraDocument:
    """Close the camera and open it again, between two pictures."""
    restarting = call.parts.shutter.submit(call.parts.camera.restart)
    try:
        restarting.result(RESTART_LIMIT_S)
    except TimeoutError as error:
        restarting.cancel()  # where something hangs in front of it, nobody waits for it any more
        message = f"the camera did not restart within {RESTART_LIMIT_S:.0f} s"
        raise DeadlineError(message) from error
    return call.parts.camera.document()


def _without_section(problem: Problem) -> Problem:
    for section in ("/camera", "/capture"):
        if problem.field.startswith(section + "/"):
            return Problem(problem.field.removeprefix(section), problem.message)
    return problem
