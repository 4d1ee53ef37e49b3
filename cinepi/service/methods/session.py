"""Sessions: start, stop, pause, resume, get."""

from cinepi.errors import ConflictError
from cinepi.model.documents import SessionDocument
from cinepi.protocol import NoParams, StartParams
from cinepi.service.requests import Call, method


@method("session.start", StartParams)
def start(call: Call[StartParams]) -> SessionDocument:
    """Begin a session."""
    if call.params.start_at is not None and not call.parts.clock.is_synced():
        message = "start_at needs a clock that a time server has set, and this one is not"
        raise ConflictError(message)
    interval = call.parts.in_force.config.capture.interval
    return call.parts.keeper.start(call.params, interval, call.command)


@method("session.stop", NoParams, lane="work")
def stop(call: Call[NoParams]) -> SessionDocument:
    """End it."""
    return call.parts.keeper.stop(call.command)


@method("session.pause", NoParams, lane="work")
def pause(call: Call[NoParams]) -> SessionDocument:
    """Let slots go by."""
    return call.parts.keeper.pause("command", call.command)


@method("session.resume", NoParams)
def resume(call: Call[NoParams]) -> SessionDocument:
    """Go on."""
    return call.parts.keeper.resume("command", call.command)


@method("session.get", NoParams)
def get(call: Call[NoParams]) -> SessionDocument:
    """Tell how it is."""
    return call.parts.keeper.document()
