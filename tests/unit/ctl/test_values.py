"""key=value on a command line."""

import pytest

from cinepid.ctl import values
from cinepid.ctl.errors import UsageError


def test_words_are_split_into_names_and_settings() -> None:
    """What has an `=` is set; numbers, true and null are what they look like."""
    names, given = values.split(["roof", "iso=200", "mode=auto", "on=true", "x=null", "r=2x3"])
    assert names == ["roof"]
    assert given == {"iso": 200, "mode": "auto", "on": True, "x": None, "r": "2x3"}


@pytest.mark.parametrize("words", [["=1"], ["iso=1", "iso=2"]])
def test_mistakes_are_said(words: list[str]) -> None:
    """No key, or one key twice, is a mistake."""
    with pytest.raises(UsageError):
        values.split(words)


def test_paths_become_trees_and_back() -> None:
    """A patch is nested as the configuration is."""
    flat = {"camera.iso": 200, "capture.quality": 90}
    tree = values.nested(flat)
    assert tree == {"camera": {"iso": 200}, "capture": {"quality": 90}}
    assert values.flat(tree) == flat
    with pytest.raises(UsageError):
        values.nested({"camera": 1, "camera.iso": 2})
