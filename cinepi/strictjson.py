"""JSON from strangers: limits before parsing, and none of the freedoms that hide mistakes."""

import codecs
import json
import math
import re

from cinepi.errors import InvalidArgumentError, TooLargeError
from cinepi.units import Bytes

MAX_DEPTH = 16
"""Deepest nesting accepted; our own messages need 5."""

# Possessive, and content to end without its quote: linear whatever a stranger sends.
_STRING = re.compile(rb'(?s)"(?:[^"\\]++|\\.)*+"?')
_BRACKET = re.compile(rb"[{}\[\]]")


def loads(data: bytes, *, max_bytes: Bytes) -> object:
    """Decode UTF-8 JSON; blocks for well under a millisecond at 16 KiB.

    Raises:
        TooLargeError: `data` is longer than `max_bytes`; it was not looked at.
        InvalidArgumentError: Not JSON, not UTF-8, nested too deeply, a key twice, a number that
            JSON has no word for (NaN, infinity), or half of a surrogate pair.
    """
    if len(data) > max_bytes:
        message = f"the message has {len(data)} bytes; at most {max_bytes} are accepted"
        raise TooLargeError(message)
    _check_depth(data)
    try:
        value = json.loads(
            _text_of(data),
            object_pairs_hook=_no_key_twice,
            parse_constant=_no_constant,
            parse_float=_finite,
        )
        if b"\\u" in data:
            _check_text(value)
    except ValueError as error:
        message = f"the message is not valid JSON: {error}"
        raise InvalidArgumentError(message) from error
    return value


def _text_of(data: bytes) -> str:
    if data.startswith(codecs.BOM_UTF8):
        message = "it begins with a byte order mark; send it without"
        raise ValueError(message)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        message = f"it is not UTF-8: byte {error.start} is 0x{data[error.start]:02x}"
        raise ValueError(message) from error


def _check_depth(data: bytes) -> None:
    """Count brackets outside of strings, before a parser descends into them."""
    if data.count(b"{") + data.count(b"[") <= MAX_DEPTH:
        return
    depth = deepest = 0
    for bracket in _BRACKET.findall(_STRING.sub(b"", data)):
        depth += 1 if bracket in b"{[" else -1
        deepest = max(deepest, depth)
    if deepest > MAX_DEPTH:
        message = f"the message is nested {deepest} deep; at most {MAX_DEPTH} are accepted"
        raise InvalidArgumentError(message)


def _check_text(value: object) -> None:
    """Refuse half a surrogate pair: JSON can spell it, UTF-8 and so our answers cannot."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        message = "it has half of a surrogate pair"
        raise ValueError(message) from error


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
