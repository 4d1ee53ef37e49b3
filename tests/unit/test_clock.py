"""Times as people write them."""

import pytest

from cinepi.clock import parse_time, rfc3339
from cinepi.errors import InvalidArgumentError


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "9999-12-31T23:59:59-12:00",
        "0001-01-01T00:00:00+12:00",
        "2026-13-01T00:00:00Z",
    ],
)
def test_what_is_no_time_is_named(text: str) -> None:
    """So is a time that, in UTC or here, lies in no year that can be written."""
    with pytest.raises(InvalidArgumentError, match="2026-11-23T09:30:00Z") as caught:
        parse_time(text, "/start_at")
    assert caught.value.field == "/start_at"


@pytest.mark.parametrize("text", ["0002-01-01T00:00:00Z", "9998-12-31T23:59:59-12:00"])
def test_what_can_be_read_can_be_written(text: str) -> None:
    """However far it is from now."""
    assert parse_time(rfc3339(parse_time(text, "/since")), "/since") == parse_time(text, "/since")
