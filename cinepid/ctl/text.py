r"""Text from devices, made safe for a terminal, and numbers made readable. Pure.

Anybody on a shared broker may send what steers terminals: escape sequences, carriage returns, marks
that turn the direction of writing. All of it is shown as what it is, `\x1b`, and does nothing.
"""

import re

from cinepi.units import Bytes, Seconds

_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # both control blocks: escape, carriage return, CSI in one byte
    "\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\uffff"  # invisible
    "\ud800-\udfff\U000e0000-\U000e0fff]"  # halves of pairs, and tags
)
_UNITS = ("B", "KB", "MB", "GB", "TB")
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_TWO = 2  # of a unit are counted in the next smaller one: 90 s, not 1 min
_LONGEST = 4000
_KILO, _THREE_DIGITS = 1000, 100


def safe(value: object) -> str:
    """The text of a value on one line, with everything that could steer a terminal spelled out."""
    text = str(value)
    if len(text) > _LONGEST:
        text = text[:_LONGEST] + "…"
    return _UNSAFE.sub(_spelled, text)


def safe_block(value: object) -> str:
    """The same for text that may have several lines."""
    return "\n".join(safe(line) for line in str(value).split("\n"))


def size(count: Bytes | None) -> str:
    """Bytes as people say them: `3.1 MB`; a dash where nobody knows."""
    if count is None:
        return "-"
    amount = float(count)
    for unit in _UNITS[:-1]:
        if amount < _KILO:
            is_exact = unit == "B" or amount >= _THREE_DIGITS
            return f"{amount:.0f} {unit}" if is_exact else f"{amount:.1f} {unit}"
        amount /= _KILO
    return f"{amount:.1f} {_UNITS[-1]}"


def span(seconds: Seconds | None) -> str:
    """A time span in its largest sensible unit: `90s`, `14m`, `3d`; a dash where nobody knows."""
    if seconds is None:
        return "-"
    sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
    for unit, letter in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "m")):
        if seconds >= _TWO * unit:
            return f"{sign}{seconds / unit:.0f}{letter}"
    return f"{sign}{seconds:.0f}s"


def count(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun: `1 device`, `3 devices`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}".replace(",", " ")


def _spelled(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x100:  # noqa: PLR2004
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"  # noqa: PLR2004
