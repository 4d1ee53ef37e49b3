"""Text from devices on a terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cinepid.ctl.text import count, safe, size, span


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b[2J\x1b]0;owned\x07", r"\x1b[2J\x1b]0;owned\x07"),
        ("\x9b31m", r"\x9b31m"),
        ("ok\rFAIL", r"ok\x0dFAIL"),
        ("two\nlines", r"two\x0alines"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("\U000e0041", r"\U000e0041"),
        ("Gärten 庭 ☀", "Gärten 庭 ☀"),
    ],
)
def test_what_steers_terminals_is_spelled_out(hostile: str, shown: str) -> None:
    """Escape sequences, carriage returns and marks of direction do nothing and can be seen."""
    assert safe(hostile) == shown


@given(st.text())
def test_nothing_gets_through(text: str) -> None:
    """Whatever the text, no control character is left in it, and it stays one line."""
    assert all(c.isprintable() or c == " " or ord(c) > 0x9F for c in safe(text))
    assert len(safe(text).splitlines()) <= 1


def test_numbers_are_readable() -> None:
    """Sizes, spans and counts are said as people say them."""
    assert [size(n) for n in (None, 0, 999, 1500, 3_100_000, 250_000_000_000)] == [
        "-", "0 B", "999 B", "1.5 KB", "3.1 MB", "250 GB",
    ]  # fmt: skip
    assert [span(s) for s in (None, 5, 90, 850, 7300, 200_000, -5)] == [
        "-", "5s", "90s", "14m", "2h", "2d", "-5s",
    ]  # fmt: skip
    assert [count(n, "device") for n in (1, 2, 1000)] == ["1 device", "2 devices", "1 000 devices"]
