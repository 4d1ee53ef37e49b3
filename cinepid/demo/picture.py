"""What the demo knows about the device, from its messages alone, and how to say it in lines."""

from collections.abc import Iterator
from datetime import datetime

import msgspec

from cinepi.model.documents import CameraDocument, CaptureDocument, SessionDocument
from cinepi.units import Microseconds, WallTime, counted, sized
from cinepid.decode import decoded
from cinepid.topics import Address

_ENVELOPE = frozenset({"seq", "boot", "at", "event_type", "type", "replay"})
_MICROSECONDS = 1_000_000


class Status(msgspec.Struct, frozen=True):
    """The part of `status` that is shown."""

    state: str
    reason: str = ""


class Reply(msgspec.Struct, frozen=True):
    """The part of an answer that is shown."""

    id: str = ""
    command: str = ""
    success: bool | None = None
    final: bool = True
    message: str = ""
    error: dict[str, object] | None = None


_EVENT = msgspec.json.Decoder(dict[str, object])
_STATUS = msgspec.json.Decoder(Status)
_REPLY = msgspec.json.Decoder(Reply)
_CAMERA = msgspec.json.Decoder(CameraDocument)
_CAPTURE = msgspec.json.Decoder(CaptureDocument)
_SESSION = msgspec.json.Decoder(SessionDocument)


class Picture:
    """The newest documents of one device."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self.status: Status | None = None
        self.session: SessionDocument | None = None
        self.camera: CameraDocument | None = None
        self.capture: CaptureDocument | None = None

    @property
    def is_online(self) -> bool:
        """Whether the device says so."""
        return self.status is not None and self.status.state == "online"

    def take(self, address: Address, payload: bytes) -> str | None:
        """Take a message in; the line to show for it, if it is worth one."""
        match address.channel, address.path:
            case "status", ():
                before, self.status = self.status, decoded(_STATUS, payload)
                return _status_line(before, self.status)
            case "session", ():
                self.session = decoded(_SESSION, payload) or self.session
            case "camera", ():
                self.camera = decoded(_CAMERA, payload) or self.camera
            case "capture", ():
                self.capture = decoded(_CAPTURE, payload) or self.capture
            case "event", (name,):
                return _event_line(name, payload)
            case "response", words:
                return _reply_line("/".join(words), payload)
            case _:
                pass
        return None

    def rows(self, now: WallTime) -> Iterator[tuple[str, str]]:
        """Pairs of a word and what there is to say about it."""
        yield "Device", _status_words(self.status)
        if self.camera:
            yield "Camera", _camera_words(self.camera)
        if self.session:
            yield "Session", _session_words(self.session, now)
        if self.capture:
            yield "Last picture", _capture_words(self.capture)


def reply(payload: bytes) -> Reply | None:
    """Read the answer to a command; None if it is none."""
    return decoded(_REPLY, payload)


def _status_line(before: Status | None, now: Status | None) -> str | None:
    if now is None or (before and before.state == now.state):
        return None
    return f"the device is {now.state} ({now.reason})"


def _status_words(status: Status | None) -> str:
    return status.state if status else "starting"


def _camera_words(camera: CameraDocument) -> str:
    if not camera.connected:
        return camera.problem or "not connected"
    settings = camera.settings
    words = f"{camera.backend}, {camera.model}, {settings.resolution}"
    words += f", exposure {settings.exposure_mode}"
    return words + ("" if camera.health == "ok" else f", {camera.health}: {camera.problem}")


def _session_words(session: SessionDocument, now: WallTime) -> str:
    if session.id is None:
        return "none yet"
    frames = counted(session.frames, "frame")
    words = f"{session.state}, every {session.interval:g} s, {frames}"
    words += f", {session.missed} missed" if session.missed else ""
    if session.next_at:
        wait = max(0.0, datetime.fromisoformat(session.next_at).timestamp() - now)
        words += f", next in {wait:.0f} s"
    return words


def _capture_words(capture: CaptureDocument) -> str:
    achieved = capture.achieved
    words = [capture.filename, sized(capture.size), f"{capture.width}x{capture.height}"]
    if achieved.exposure_us:
        words.append(_exposure(achieved.exposure_us))
    if achieved.iso:
        words.append(f"ISO {achieved.iso}")
    if capture.late_ms is not None:
        words.append(f"{capture.late_ms:.1f} ms late")
    return ", ".join(words)


def _event_line(name: str, payload: bytes) -> str | None:
    event = decoded(_EVENT, payload)
    if event is None:
        return None
    said = "earlier: " if event.get("replay") else ""
    capture = decoded(_CAPTURE, payload) if name == "capture_stored" else None
    if capture is not None:
        of = f"frame {capture.frame}" if capture.kind == "frame" else capture.kind
        return f"{said}{name}  {of}, {_capture_words(capture)}"
    facts = {key: _plain(value) for key, value in event.items() if key not in _ENVELOPE}
    return f"{said}{name}  {', '.join(f'{key} {words}' for key, words in facts.items() if words)}"


def _plain(value: object) -> str:
    """A value of an event, for people; empty where there is nothing to say."""
    if isinstance(value, dict):
        return " ".join(f"{key} {_plain(item)}" for key, item in value.items() if item is not None)
    if isinstance(value, list):
        return " ".join(_plain(item) for item in value)
    if isinstance(value, float):
        return f"{value:g}"
    return "" if value is None else str(value)


def _reply_line(command: str, payload: bytes) -> str | None:
    answer = reply(payload)
    if answer is None or not answer.final:
        return None
    words = answer.message if answer.error is None else str(answer.error.get("message", ""))
    return f"answer to {command}: {words or ('done' if answer.success else 'failed')}"


def _exposure(exposure_us: Microseconds) -> str:
    if exposure_us >= _MICROSECONDS:
        return f"{exposure_us / _MICROSECONDS:g} s"
    return f"1/{_MICROSECONDS / exposure_us:.0f} s"
