from typing import Annotated, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cinepi.check import parse, problems_of
from cinepi.errors import InvalidArgumentError, Problem
from cinepi.features import setting
from cinepi.model.settings import CameraSettings, Config


class _Order(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Annotated[str, setting("Name", "Any.", pattern="^[a-z]+$", example="garden")] | None = (
        None
    )
    count: Annotated[int, setting("Count", "Any.", minimum=1)] = 1
    at_most: Annotated[float, setting("At most", "Any.", maximum=9.5)] = 0
    tags: tuple[str, ...] = ()
    limits: dict[str, int] = {}
    turn: Literal[0, 180] = 0
    is_dry: bool = False
    code: Annotated[str, setting("Code", "Any.", pattern="^[0-9]{4}$")] = "0000"
    size: Annotated[
        str, setting("Size", "Any.", pattern="^[0-9]{1,4}x[0-9]{1,4}$", example="640x480")
    ] = "640x480"


class _Needed(msgspec.Struct):
    file: str


def _messages(value: object) -> list[str]:
    return [problem.message for problem in problems_of(_Order, value)]


def test_all_problems_come_at_once() -> None:
    """Every mistake is listed with its JSON pointer, in the order of the input."""
    problems = problems_of(
        Config, {"camera": {"iso": 1600, "isoo": 1}, "capture": [], "sytem": {"log_level": "info"}}
    )
    assert problems == [
        Problem("/camera/iso", "iso must be a whole number between 100 and 800, not 1600"),
        Problem("/camera/isoo", '"isoo" is unknown; did you mean iso?'),
        Problem("/capture", "capture must be an object of keys and values, not a list"),
        Problem("/sytem", '"sytem" is unknown; did you mean system?'),
    ]


def test_error_carries_every_problem() -> None:
    """The one error that is raised has all problems, and names them all in its text."""
    with pytest.raises(InvalidArgumentError) as caught:
        parse(_Order, {"count": 0, "is_dry": "yes"}, at="/params")
    assert caught.value.field == "/params/count"
    assert str(caught.value) == (
        'count must be a whole number of 1 or more, not 0; is_dry must be true or false, not "yes"'
    )


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"count": True}, "count must be a whole number of 1 or more, not true"),
        ({"count": 2.5}, "count must be a whole number of 1 or more, not 2.5"),
        ({"count": None}, "count must be a whole number of 1 or more, not null"),
        ({"at_most": 10}, "at_most must be a number of 9.5 or less, not 10"),
        ({"at_most": float("nan")}, "at_most must be a number of 9.5 or less, not NaN"),
        ({"name": "Garden\n"}, 'name must be text such as garden, not "Garden\\n"'),
        ({"name": 4}, "name must be text such as garden, not 4"),
        ({"code": "12"}, 'code must be text that fits ^[0-9]{4}$, not "12"'),
        ({"size": "big"}, 'size must be text such as 640x480, not "big"'),
        ({"turn": 90}, "turn must be one of 0, 180, not 90"),
        ({"turn": False}, "turn must be one of 0, 180, not false"),
        ({"tags": "a"}, 'tags must be a list, not "a"'),
        ({"tags": ["a", 1]}, "tags[1] must be text, not 1"),
        ({"limits": {"a": {}}}, "a must be a whole number, not an object"),
        ({"limits": 1}, "limits must be an object of keys and values, not 1"),
        ({"name": "x" * 99}, None),
        ({"name": None}, None),
        ([], "the input must be an object of keys and values, not a list"),
    ],
)
def test_a_problem_names_the_field_the_range_and_what_was_given(
    value: object, message: str | None
) -> None:
    """Each sort of mistake has its sentence; what is right has none."""
    assert _messages(value) == ([] if message is None else [message])


def test_a_required_key_is_asked_for() -> None:
    """A key without a default is missed by its name."""
    assert problems_of(_Needed, {}) == [Problem("/file", "file is required")]


def test_an_unknown_key_is_shown_the_known_ones() -> None:
    """Where no key is close, all are listed."""
    assert problems_of(_Needed, {"file": "a", "zzz": 1}) == []
    assert "known are at_most, code, count," in _messages({"zzzzzz": 1})[0]


def test_wrong_values_are_repeated_briefly() -> None:
    """A wrong value is cut, on one line, and never breaks the message that repeats it."""
    (long,) = _messages({"turn": "x" * 1000})
    assert long.endswith('not "' + "x" * 40 + '…"')
    assert _messages({"count": 10**5000}) == [
        "count must be a whole number of 1 or more, not a number of that size"
    ]
    assert _messages({"at_most": -(10**5000)}) == [
        "at_most must be a number of 9.5 or less, not a number of that size"
    ]


def test_a_strangers_key_is_a_valid_pointer() -> None:
    """Slashes and tildes in keys are escaped in the pointer, as RFC 6901 asks, and cut."""
    (problem,) = problems_of(_Order, {"a/b~c": 1})
    assert problem.field == "/a~1b~0c"
    (problem,) = problems_of(_Order, {"k" * 5000: 1})
    assert len(problem.field) < 50


def test_a_flood_of_unknown_keys_gets_a_short_answer() -> None:
    """Thousands of unknown keys cost little time and are counted, not listed."""
    problems = problems_of(_Order, {f"{'k' * 90}{index}": 1 for index in range(4000)})
    assert len(problems) == 11
    assert problems[-1].message == "the input has 3990 more unknown keys"
    with pytest.raises(InvalidArgumentError, match="and 950 more") as caught:
        parse(_Order, {"tags": [1] * 1000})
    assert len(caught.value.problems) == 50


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["camera", "capture", "iso", "interval"]) | st.text() | st.integers(),
            inner,
        )
    ),
    max_leaves=12,
)


@given(_ANYTHING)
def test_the_check_agrees_with_msgspec(value: object) -> None:
    """Whatever passes the check converts, and whatever fails it has printable problems."""
    problems = problems_of(Config, value)
    if problems:
        assert all(problem.message for problem in problems)
        assert "".join(problem.message + problem.field for problem in problems).encode()
    else:
        assert isinstance(parse(Config, value), Config)


def test_whole_numbers_do_for_numbers() -> None:
    """A number may be written without a decimal point."""
    assert parse(CameraSettings, {"gain": 2}).gain == 2.0
