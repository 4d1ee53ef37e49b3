import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cinepi.logs.entry import MAX_LINE, LogEntry, line_of
from cinepi.logs.parse import parse_line
from cinepi.logs.text import text_of

NOW = "2026-11-23T09:30:00.250Z"
VALUES = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=50)


class Broken:
    """A value that cannot be shown."""

    def __str__(self) -> str:
        raise RuntimeError("no")


def entry(message: str = "hello", **fields: Any) -> LogEntry:
    """An entry of the camera."""
    return LogEntry(timestamp=NOW, level="warning", module="camera", message=message, fields=fields)


@given(
    message=st.text(max_size=200),
    fields=st.dictionaries(st.text(min_size=1, max_size=10), VALUES, max_size=5),
)
def test_an_entry_is_one_harmless_line_and_comes_back(
    message: str, fields: dict[str, object]
) -> None:
    """Whatever is said, it is one line without control characters, and is read as it was said."""
    said = LogEntry(timestamp=NOW, level="info", module="m", message=message, fields=fields)
    line = line_of(said)
    assert line.endswith(b"\n")
    assert not [c for c in line[:-1].decode() if unicodedata.category(c) == "Cc"]
    assert parse_line(line) == said


@given(message=st.text(max_size=200), key=st.text(max_size=10), value=st.text(max_size=50))
def test_text_for_people_cannot_steer_a_terminal(message: str, key: str, value: str) -> None:
    """On a terminal an entry is one line of printable characters."""
    assert text_of(entry(message, **{key: value})).isprintable()


@pytest.mark.parametrize("value", [Broken(), "\ud800", {1, 2}, {3: "x"}, float("nan"), b"\xff"])
def test_odd_values_do_not_break_a_line(value: object) -> None:
    """Values that JSON has no word for are logged as text."""
    assert json.loads(line_of(entry(value=value)))["message"] == "hello"


def test_a_value_that_contains_itself_is_logged_somehow() -> None:
    """A loop among values ends in text."""
    loop: list[object] = []
    loop.append(loop)
    assert json.loads(line_of(entry(value=loop)))["message"] == "hello"


@pytest.mark.parametrize(
    "large",
    [
        entry("x" * 100_000),
        entry(value="x" * 100_000),
        LogEntry(timestamp=NOW, level="error", message="m", exception="frame\n" * 9999 + "reason"),
        entry("\0" * 100_000),
    ],
)
def test_a_line_is_never_too_long(large: LogEntry) -> None:
    """What is too long is cut, says so, and keeps its beginning and the end of the traceback."""
    line = line_of(large)
    assert len(line) <= MAX_LINE + 1
    back = parse_line(line)
    assert back.fields == {"cut": True}
    assert large.message.startswith(back.message)
    assert (back.exception or "reason").endswith("reason")


@pytest.mark.parametrize(
    "line", [b"", b"Traceback:", b'{"level":"error"', b"[1]", b"\xff\0", b"[" * 9999]
)
def test_a_line_that_is_no_entry_is_quoted(line: bytes) -> None:
    """Torn and foreign lines become entries of level info."""
    found = parse_line(line)
    assert (found.level, found.module, found.timestamp) == ("info", "?", "")
    assert found.message == line.decode(errors="replace")[:2000]
