"""JSON from strangers: limits before parsing, and none of the freedoms that hide mistakes."""

import json
import math

from cinepi.errors import InvalidArgumentError, TooLargeError
from cinepi.units import Bytes

MAX_DEPTH = 16
"""Deepest nesting accepted; our own messages need 5."""


def loads(data: bytes, *, max_bytes: Bytes) -> object:
    """Decode UTF-8 JSON; blocks for well under a millisecond at 16 KiB.

    Raises:
        TooLargeError: `data` is longer than `max_bytes`; it was not looked at.
        InvalidArgumentError: Not JSON, not UTF-8, nested too deeply, a key twice, or a number
            that JSON has no word for (NaN, infinity).
    """
    if len(data) > max_bytes:
        message = f"the message has {len(data)} bytes; at most {max_bytes} are accepted"
        raise TooLargeError(message)
    _check_depth(data)
    try:
        return json.loads(
            data.decode(),
            object_pairs_hook=_no_key_twice,
            parse_constant=_no_constant,
            parse_float=_finite,
        )
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        message = f"the message is not valid JSON: {error}"
        raise InvalidArgumentError(message) from error


def _check_depth(data: bytes) -> None:
    """Count brackets without regard to strings: never too low, and our messages are far below."""
    if data.count(b"{") + data.count(b"[") <= MAX_DEPTH:
        return
    depth = deepest = 0
    for byte in data:
        if byte in b"{[":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"}]":
            depth -= 1
    if deepest > MAX_DEPTH:
        message = f"the message is nested {deepest} deep; at most {MAX_DEPTH} are accepted"
        raise InvalidArgumentError(message)


def _no_key_twice(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        message = f"the key {twice[:64]!r} is given twice"
        raise ValueError(message)
    return result


def _no_constant(name: str) -> object:
    message = f"{name} is not a number in JSON"
    raise ValueError(message)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        message = f"{text[:32]} is too large a number"
        raise ValueError(message)
    return value
