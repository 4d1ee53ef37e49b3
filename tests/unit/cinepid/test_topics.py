"""Topics: what is built is read as the same."""

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cinepi.errors import InvalidArgumentError
from cinepid.topics import (
    NAME_PATTERN,
    Address,
    Topics,
    build,
    default_device,
    is_allowed_response,
    parse,
)

_NAMES = st.text(string.ascii_lowercase + string.digits + "-", min_size=1, max_size=32)
_LEVELS = st.text(
    st.characters(exclude_characters="/+#\0", exclude_categories=["Cs"]), min_size=1, max_size=20
)
_ADDRESSES = st.builds(
    Address,
    device=_NAMES,
    channel=_LEVELS,
    path=st.lists(_LEVELS, max_size=4).map(tuple),
) | st.builds(
    Address,
    group=st.none() | _NAMES,
    channel=_LEVELS,
    path=st.lists(_LEVELS, max_size=4).map(tuple),
)


@given(_ADDRESSES)
def test_what_is_built_is_read_as_the_same(address: Address) -> None:
    """For every address that there can be."""
    assert parse(build(address)) == address


@given(st.text(max_size=60) | _LEVELS.map(lambda text: f"cinepi/{text}"))
def test_what_is_read_is_built_as_the_same(topic: str) -> None:
    """And nothing but an `InvalidArgumentError` comes of strange topics."""
    try:
        address = parse(topic)
    except InvalidArgumentError:
        return
    assert build(address) == topic


@pytest.mark.parametrize(
    "topic",
    ["", "cinepi", "cinepi/", "cinepi/Garden/cmd", "cinepi/garden", "cinepi/_some/cmd", "x/a/cmd"],
)
def test_other_topics_are_refused(topic: str) -> None:
    """Names have small letters, digits and hyphens; the prefix is fixed."""
    with pytest.raises(InvalidArgumentError):
        parse(topic)


def test_no_topic_is_too_deep_for_a_cloud() -> None:
    """At most 8 levels."""
    deepest = Topics("garden").response("captures/get", "0123abcd", "17")
    assert len(deepest.split("/")) <= 8


@pytest.mark.parametrize("name", ["a/b/c", "", "UPPER/case", "../x", "a/" + "b" * 40])
def test_answers_to_nonsense_have_a_place(name: str) -> None:
    """A stranger's words never become a topic."""
    assert Topics("garden").response(name) == "cinepi/garden/response/unknown"


@pytest.mark.parametrize(
    ("topic", "is_allowed"),
    [
        ("client/7/answers", True),
        ("/" * 15, True),
        ("/" * 16, False),
        ("cinepi/roof/response/system/ping", True),
        ("cinepi/roof/cmd/snapshot/take", False),
        ("cinepi/_all/cmd/snapshot/take", False),
        ("cinepi/roof/status", False),
        ("a/+/b", False),
        ("a/#", False),
        ("$SYS/broker", False),
        ("homeassistant/sensor/x/config", False),
        ("zigbee2mqtt/lamp/set", False),
        ("", False),
        ("x" * 257, False),
    ],
)
def test_where_answers_may_be_sent(topic: str, is_allowed: bool) -> None:  # noqa: FBT001
    """Not where they would be taken for commands or for the word of another."""
    assert is_allowed_response(topic) is is_allowed


def test_the_default_name_is_a_name() -> None:
    """Whatever the host is called."""
    assert re.fullmatch(NAME_PATTERN, default_device())
