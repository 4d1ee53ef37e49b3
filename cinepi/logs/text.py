"""An entry as people read it, safe for any terminal."""

import os
from contextlib import suppress
from datetime import datetime
from typing import TextIO

from cinepi.logs.entry import LogEntry

_COLOURS = {"debug": "\x1b[2m", "warning": "\x1b[33m", "error": "\x1b[31m"}
_PLAIN = "\x1b[0m"


def text_of(entry: LogEntry, *, is_coloured: bool = False) -> str:
    """Time in the machine's zone, level, module, words, particulars; a traceback on more lines."""
    colour = _COLOURS.get(entry.level, "") if is_coloured else ""
    first = f"{_local(entry.timestamp)} {entry.level.upper():<7} {said(entry)}"
    lines = [first, *trace(entry)]
    return "\n".join(f"{colour}{line}{_PLAIN}" if colour else line for line in lines)


def is_colour_welcome(stream: TextIO) -> bool:
    """Whether colours will be seen there, and the user has not asked for none by NO_COLOR."""
    with suppress(ValueError):  # closed
        return stream.isatty() and "NO_COLOR" not in os.environ
    return False


def said(entry: LogEntry) -> str:
    """Module, words and particulars, on one line."""
    particulars = "".join(f" {key}={value}" for key, value in entry.fields.items())
    return _visible(f"{entry.module}: {entry.message}{particulars}")


def trace(entry: LogEntry) -> list[str]:
    """The lines of the traceback; empty without one."""
    return [_visible(line) for line in (entry.exception or "").splitlines()]


def _visible(text: str) -> str:
    """The text with escapes in place of all that would not be seen, or would move the cursor."""
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )


def _local(timestamp: str) -> str:
    try:
        return datetime.fromisoformat(timestamp).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError):
        return _visible(timestamp) or "?"
