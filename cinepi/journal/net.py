"""A net under what is stored: one value that is not understood costs itself, and nothing else.

A disk may return a wrong byte inside a row, which no check of SQLite sees, and a newer version may
have written what this one does not know. Neither may keep the service from starting, so everything
that the journal keeps as JSON is decoded here.
"""

from typing import TypeVar

import msgspec

from cinepi.logs.setup import logger

_SHOWN = 200  # characters of a value that is not understood, in the log

_log = logger("journal")

T = TypeVar("T")


def understood(raw: bytes | str | None, kind: type[T], what: str) -> T | None:
    """Decode a stored JSON value.

    Args:
        raw: The value; None if none was stored.
        kind: The type to make of it.
        what: Its name for the log, such as `the saved session`.

    Returns:
        The value; None where there is none, or where it is not understood, which is logged.
    """
    if raw is None:
        return None
    try:
        return msgspec.json.decode(raw, type=kind)
    except (ValueError, RecursionError) as error:  # msgspec's errors, and wrong UTF-8 inside them
        _log.warning(f"{what} is not understood", reason=str(error), value=_cut(raw))
        return None


def legible(raw: bytes | None, what: str) -> str | None:
    """Decode a stored text that is no JSON; None as `understood` says."""
    if raw is None:
        return None
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        _log.warning(f"{what} is not understood", reason=str(error), value=_cut(raw))
        return None


def _cut(raw: bytes | str) -> str:
    """The beginning of a value, fit for a line of the log."""
    text = raw if isinstance(raw, str) else raw[: 4 * _SHOWN].decode(errors="replace")
    return text[:_SHOWN]
