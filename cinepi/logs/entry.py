"""One log entry, and the line that it is in a file."""

import re

import msgspec

from cinepi.units import Bytes

SEVERITY = {"debug": 10, "info": 20, "warning": 30, "error": 40}
"""The levels by how serious they are."""
MAX_LINE: Bytes = 16 * 1024
"""Longest line written; what would be longer is cut, because a log must not fill the disk."""

_MAX_MESSAGE = 2000  # characters
_MAX_EXCEPTION = 4000  # characters: the end, where the reason stands
# JSON escapes what lies below U+0020; DEL and the second control block can steer terminals too.
_OTHER_CONTROLS = re.compile(rb"\x7f|\xc2[\x80-\x9f]")


class LogEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one part of the system said.

    Attributes:
        timestamp: When, RFC 3339 in UTC.
        level: One of `SEVERITY`.
        module: Which part, such as `camera`.
        message: What, in words.
        fields: The particulars, by name.
        exception: The traceback, where there is one.
    """

    timestamp: str
    level: str
    message: str
    module: str = "?"
    fields: dict[str, object] = {}
    exception: str | None = None


def line_of(entry: LogEntry) -> bytes:
    """The entry as one line of JSON, at most `MAX_LINE` long, with its end; never raises."""
    line = _encoded(entry)
    if len(line) > MAX_LINE:
        line = _encoded(_cut(entry))
    return line + b"\n"


def _encoded(entry: LogEntry) -> bytes:
    try:
        line = msgspec.json.encode(entry, enc_hook=_text)
    except (TypeError, ValueError, RecursionError):  # text that is no Unicode, odd keys, a loop
        line = msgspec.json.encode(_plain(entry))
    return _OTHER_CONTROLS.sub(lambda found: b"\\u00%02x" % found[0][-1], line)


def _cut(entry: LogEntry) -> LogEntry:
    exception = entry.exception and entry.exception[-_MAX_EXCEPTION:]
    message = entry.message[:_MAX_MESSAGE]
    return LogEntry(
        timestamp=entry.timestamp,
        level=entry.level,
        module=entry.module[:100],
        message=message,
        fields={"cut": True},
        exception=exception,
    )


def _plain(entry: LogEntry) -> LogEntry:
    """The same in text that surely can be encoded."""
    return LogEntry(
        timestamp=entry.timestamp,
        level=entry.level,
        module=_text(entry.module),
        message=_text(entry.message),
        fields={_text(key): _text(value) for key, value in entry.fields.items()},
        exception=None if entry.exception is None else _text(entry.exception),
    )


def _text(value: object) -> str:
    """Any value as text, with escapes for half characters that UTF-8 has no bytes for."""
    try:
        text = value if isinstance(value, str) else str(value)
    except Exception as error:  # noqa: BLE001 - a stranger's __str__ must not break logging
        text = f"<{type(value).__name__} that raises {type(error).__name__}>"
    return text.encode(errors="backslashreplace").decode()
