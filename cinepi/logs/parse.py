"""From a line of a log file back to its entry."""

import msgspec

from cinepi.logs.entry import LogEntry

__all__ = ["LogEntry", "parse_line"]

_MAX_SHOWN = 2000  # characters of a line that is no entry

_decode = msgspec.json.Decoder(LogEntry).decode


def parse_line(line: bytes) -> LogEntry:
    """Read one line; what is no entry, such as a torn line, becomes one that quotes it.

    Such an entry has level `info`, module `?` and an empty timestamp.
    """
    try:
        return _decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        text = line.decode(errors="replace").strip()[:_MAX_SHOWN]
        return LogEntry(timestamp="", level="info", message=text)
