import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cinepi.errors import CinepiError, InvalidArgumentError, Problem, TooLargeError
from cinepi.strictyaml import load, located


def _value(text: str) -> object:
    return load(text, source="f.yaml").value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("off", "off"),
        ("no", "no"),
        ("y", "y"),
        ("12:30:45", "12:30:45"),
        ("0777", "0777"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("2026-11-23", "2026-11-23"),
        ("<<", "<<"),
        (".nan", ".nan"),
        ("1e999", "1e999"),
        ("'1'", "1"),
        ("|\n  1\n", "1\n"),
        ("1e3", 1000.0),
        ("-0.5", -0.5),
        (".5", 0.5),
        ("+7", 7),
        ("0", 0),
        ("True", True),
        ("FALSE", False),
        ("~", None),
        ("null", None),
        ("", None),
    ],
)
def test_plain_text_stays_text(text: str, value: object) -> None:
    """Only what JSON would take for something else is something else, as in YAML 1.2."""
    read = _value(f"key: {text}\n")
    assert repr(read) == repr({"key": value})


def test_keys_are_always_text() -> None:
    """A key such as `on` or `1` is the text that was written."""
    assert _value("on: 1\n2: [a, {b: c}]\n") == {"on": 1, "2": ["a", {"b": "c"}]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: {c: 2,\n  c: 3}\n", "f.yaml:3:3: c is given twice; first in line 2"),
        ("a: &x 1\nb: *x", "f.yaml:1:4: anchors"),
        ("*x", "f.yaml:1:1: anchors"),
        ("a: !!python/object:os.system ls", "f.yaml:1:4: tags"),
        ("a: ! x", "f.yaml:1:4: tags"),
        ("? [a]\n: 1", "f.yaml:1:3: a key must be plain text"),
        ("a: 1\n\tb: 2", "f.yaml:2:1: a tab cannot indent YAML; use spaces"),
        ("a: 1\n---\nb: 2", "f.yaml:2:1: a second document begins here; only one is allowed"),
        ("a: b: c", "f.yaml:1:5: a colon and a space here begin a value where none can be"),
        ("a:\n  b: 1\n c: 2", "f.yaml:3:2: "),
        ("a: 1\nbc\n", "f.yaml:3:1: a key without its colon, or a colon without its space"),
        ("[1,", "f.yaml:1:4: "),
        ("a: \x00", "f.yaml is no text: it holds control characters"),
        ("[" * 20, "f.yaml:1:18: nested deeper than the 16 levels"),
    ],
)
def test_what_is_refused_is_named_with_its_place(text: str, message: str) -> None:
    """Each refusal says source, line and column, in words for people."""
    with pytest.raises(InvalidArgumentError) as caught:
        _value(text)
    assert str(caught.value).startswith(message)
    assert caught.value.problems


def test_every_double_key_is_listed() -> None:
    """Several keys that are given twice come in one error."""
    with pytest.raises(InvalidArgumentError) as caught:
        _value("a: 1\na: 2\nb: 3\nb: 4\n")
    assert [problem.field for problem in caught.value.problems] == ["/a", "/b"]


def test_size_is_limited() -> None:
    """A text over 64 KiB is refused unread."""
    assert _value("#" * 65536) is None
    with pytest.raises(TooLargeError, match=r"f\.yaml has more than the 65536 characters"):
        _value("#" * 65537)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("1:30", "write one plain number, such as 90 for 1:30"),
        ("0400", "write it without the leading 0"),
        ("0x1F", "write it as a decimal number"),
        ("2,5", "write a decimal point, not a comma"),
        ("600_000", "write the digits without separators"),
        ("600,000,000", "write the digits without separators"),
        ("30s", "write the number without its unit"),
        ("2.5 µs", "write the number without its unit"),
        ("50%", "write the number without its unit"),
        ("iso:400", "put a space after the colon"),
        ("'400'", "write it without quotes"),
        ("~", "leave the line out to get the default"),
        ("hello", None),
        ("400", None),
        ("'text'", None),
    ],
)
def test_what_was_meant_is_guessed(text: str, hint: str | None) -> None:
    """A problem is told with its place, and with a hint where the mistake is a common one."""
    tree = load(f"a:\n  b: {text}\n", source="f.yaml")
    (problem,) = located([Problem("/a/b", "b is wrong")], tree, source="f.yaml")
    assert problem.message == "f.yaml:2:6: b is wrong" + (f" ({hint})" if hint else "")


def test_a_problem_of_the_whole_stands_at_its_beginning() -> None:
    """A problem without a value of its own is placed at the top."""
    tree = load("\n- 1\n", source="f.yaml")
    (problem,) = located([Problem("", "no mapping")], tree, source="f.yaml")
    assert problem.message == "f.yaml:2:1: no mapping"
    (problem,) = located([Problem("", "empty")], load("# x", source="f"), source="f")
    assert problem.message == "f: empty"


@given(st.text(max_size=60) | st.text("[]{}:,-?&*!|>'\"%@` \t\na1#", max_size=60))
def test_garbage_is_one_error(text: str) -> None:
    """Whatever the text, the only outcomes are a value and an error of ours."""
    try:
        _value(text)
    except CinepiError as error:
        assert str(error).encode()  # noqa: PT017 - either outcome is right


@pytest.mark.alone
@pytest.mark.parametrize(
    "text", ["[" * 65000, "{a," * 21000, "? " * 32000, '"' + "\\" * 65000, "- " * 32000]
)
def test_hostile_text_is_refused_quickly(text: str) -> None:
    """The largest text of brackets costs less than a second and no deep stack."""
    began = time.monotonic()
    with pytest.raises(InvalidArgumentError):
        _value(text)
    assert time.monotonic() - began < 2
