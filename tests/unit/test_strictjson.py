import json
import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cinepi.errors import CinepiError, InvalidArgumentError, TooLargeError
from cinepi.strictjson import MAX_DEPTH, loads

_PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    # A lone surrogate is no text: nothing could send it on.
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab[]", max_size=3), inner),
    max_leaves=8,
)


@given(_PLAIN)
def test_reads_what_json_can_say(value: object) -> None:
    """Anything that plain JSON can say is read as it was written."""
    data = json.dumps(value, ensure_ascii=False).encode()
    assert loads(data, max_bytes=len(data)) == value


@given(st.binary(max_size=200))
def test_garbage_is_one_error(data: bytes) -> None:
    """Whatever the bytes, the only outcomes are a value and an error of ours."""
    try:
        loads(data, max_bytes=100)
    except CinepiError as error:
        assert str(error)  # noqa: PT017 - either outcome is right


def test_length_is_judged_before_the_content() -> None:
    """A message over the limit is refused with both lengths, even if it is valid."""
    with pytest.raises(TooLargeError, match="has 11 bytes; at most 10"):
        loads(b'"123456789"', max_bytes=10)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'{"a": 1, "b": 2, "a": 3}', "the key 'a' is given twice"),
        (b'{"a": NaN}', "NaN is not a number"),
        (b"[-Infinity]", "-Infinity is not a number"),
        (b"1e999", "1e999 is too large a number"),
        (b'"\xff"', "not valid JSON: it is not UTF-8: byte 1 is 0xff"),
        (b"\xef\xbb\xbf{}", "byte order mark; send it without"),
        (rb'"\ud800"', "half of a surrogate pair"),
        (b"{'a': 1}", "not valid JSON"),
        (b"", "not valid JSON"),
        (b"1" * 5000, "not valid JSON"),
    ],
)
def test_freedoms_that_hide_mistakes_are_refused(data: bytes, reason: str) -> None:
    """What JSON parsers usually let pass is refused, and the error says what it was."""
    with pytest.raises(InvalidArgumentError, match=reason):
        loads(data, max_bytes=10_000)


def test_depth_is_limited() -> None:
    """Nesting is read up to the limit and refused beyond, wherever the brackets stand."""
    assert loads(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, max_bytes=100) is not None
    with pytest.raises(InvalidArgumentError, match="nested 17 deep; at most 16"):
        loads(b"[" * 17 + b"]" * 17, max_bytes=100)


def test_brackets_in_strings_do_not_hide_depth() -> None:
    """Closing brackets in strings do not make deep nesting look shallow, nor do opening ones."""
    disguised = b'{"]":' * 40 + b"1" + b"}" * 40
    with pytest.raises(InvalidArgumentError, match="nested 40 deep"):
        loads(disguised, max_bytes=1000)
    assert loads(b'["[[[[[[[[[[[[[[[[[[[[", "\\"[["]', max_bytes=1000)


@pytest.mark.alone
@pytest.mark.parametrize(
    "data", [b"[" * 65536, b'"' + b'\\"[' * 21000, b'{"a":' * 13000, b'["]",' * 13000]
)
def test_hostile_messages_are_refused_quickly(data: bytes) -> None:
    """64 KiB of brackets and quotes cost milliseconds, not a stack."""
    began = time.monotonic()
    with pytest.raises(InvalidArgumentError):
        loads(data, max_bytes=65536)
    assert time.monotonic() - began < 0.5


def test_surrogate_pairs_are_characters() -> None:
    """A whole pair is the character it stands for."""
    assert loads(rb'"\ud83d\ude00"', max_bytes=20) == "\N{GRINNING FACE}"


def test_small_numbers_become_zero() -> None:
    """A number too small for a float is zero, not an error."""
    assert loads(b"1e-999", max_bytes=10) == 0.0
    assert math.isfinite(float(str(loads(b"1e308", max_bytes=10))))
