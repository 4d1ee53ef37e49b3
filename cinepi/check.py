"""Does a value fit a message type? All that is wrong at once, in words that help.

msgspec stops at the first mistake; people who wrote a file or a message want to hear of all, each
with the field, what was given, what is allowed, and the name that they may have meant.
"""

import json
import re
from collections.abc import Collection
from difflib import get_close_matches
from functools import cache
from typing import TypeVar

import msgspec
from msgspec import inspect

from cinepi.errors import InvalidArgumentError, Problem

MessageT = TypeVar("MessageT", bound=msgspec.Struct)

_MAX_SHOWN = 40  # characters of a wrong value that an error repeats
_MAX_UNKNOWN = 10  # unknown keys of one object that an error lists
_CHARACTERS = re.compile(r"\^\(?\[([^]]+)\]\{(\d+),(\d+)\}(\)\?)?\$")  # one class, so many of it
_NO_CONTROL = r"^\x00-\x1f\x7f"
_LARGEST = 1e300  # JSON has integers of any size, which no float holds and no setting means


def parse(message: type[MessageT], value: object, *, at: str = "") -> MessageT:
    """Make a message of plain JSON or YAML values.

    Raises:
        InvalidArgumentError: With every problem, each field as a JSON pointer below `at`.
    """
    problems = problems_of(message, value, at=at)
    if problems:
        raise InvalidArgumentError.of(problems)
    return msgspec.convert(value, message)


def problems_of(message: type[msgspec.Struct], value: object, *, at: str = "") -> list[Problem]:
    """List all that keeps `value` from being a `message`; empty if nothing does."""
    return _problems(_type_of(message), value, at)


@cache
def _type_of(message: type[msgspec.Struct]) -> inspect.Type:
    return inspect.type_info(message)


def below(at: str, key: str) -> str:
    """The JSON pointer (RFC 6901) to a key; a stranger's key is cut."""
    return f"{at}/{key[:_MAX_SHOWN].replace('~', '~0').replace('/', '~1')}"


def unknown_key(key: str, known: Collection[str], at: str) -> Problem:
    """Say that there is no such key, and which one may have been meant."""
    if not known:
        hint = "none is allowed here"
    elif close := get_close_matches(key[:_MAX_SHOWN], known, n=1):
        hint = f"did you mean {close[0]}?"
    else:
        hint = f"known are {', '.join(sorted(known))}"
    return Problem(below(at, key), f"{_shown(key)} is unknown; {hint}")


def _problems(
    kind: inspect.Type, value: object, at: str, example: str | None = None
) -> list[Problem]:
    match kind:
        case inspect.Metadata():
            examples = (kind.extra_json_schema or {}).get("examples") or [None]
            return _problems(kind.type, value, at, examples[0])
        case inspect.UnionType():
            return _union_problems(kind, value, at, example)
        case inspect.StructType():
            return _struct_problems(kind, value, at)
        case inspect.VarTupleType() | inspect.ListType():
            return _list_problems(kind, value, at)
        case inspect.DictType():
            return _dict_problems(kind, value, at)
    allowed = _unmet(kind, value, example)
    return [Problem(at, f"{_name(at)} must be {allowed}, not {_shown(value)}")] if allowed else []


def _struct_problems(kind: inspect.StructType, value: object, at: str) -> list[Problem]:
    if not isinstance(value, dict):
        return [_no_object(value, at)]
    fields = {field.encode_name: field for field in kind.fields}
    problems: list[Problem] = []
    unknown = 0
    for key, item in value.items():
        if key in fields:
            problems += _problems(fields[key].type, item, below(at, key))
        elif kind.forbid_unknown_fields:
            unknown += 1
            if unknown <= _MAX_UNKNOWN:
                problems.append(unknown_key(str(key), fields, at))
    if unknown > _MAX_UNKNOWN:
        more = unknown - _MAX_UNKNOWN
        problems.append(Problem(at, f"{_name(at)} has {more} more unknown keys"))
    missing = (name for name, field in fields.items() if field.required and name not in value)
    return problems + [Problem(below(at, name), f"{name} is required") for name in missing]


def _union_problems(
    kind: inspect.UnionType, value: object, at: str, example: str | None
) -> list[Problem]:
    if value is None and kind.includes_none:
        return []
    options = [option for option in kind.types if not isinstance(option, inspect.NoneType)]
    found = [_problems(option, value, at, example) for option in options]
    return [] if [] in found else found[0]


def _list_problems(
    kind: inspect.VarTupleType | inspect.ListType, value: object, at: str
) -> list[Problem]:
    if not isinstance(value, list | tuple):
        return [Problem(at, f"{_name(at)} must be a list, not {_shown(value)}")]
    return [
        problem
        for index, item in enumerate(value)
        for problem in _problems(kind.item_type, item, below(at, str(index)))
    ]


def _dict_problems(kind: inspect.DictType, value: object, at: str) -> list[Problem]:
    if not isinstance(value, dict):
        return [_no_object(value, at)]
    return [
        problem
        for key, item in value.items()
        for problem in _problems(kind.value_type, item, below(at, str(key)))
    ]


def _no_object(value: object, at: str) -> Problem:
    return Problem(at, f"{_name(at)} must be an object of keys and values, not {_shown(value)}")


def _unmet(kind: inspect.Type, value: object, example: str | None) -> str | None:
    """What a single value should have been, or None where it is right."""
    match kind:
        case inspect.BoolType():
            fits, allowed = isinstance(value, bool), "true or false"
        case inspect.IntType():
            whole = isinstance(value, int) and not isinstance(value, bool)
            fits, allowed = whole and _is_within(value, kind), f"a whole number{_range(kind)}"
        case inspect.FloatType():
            number = isinstance(value, int | float) and not isinstance(value, bool)
            fits, allowed = number and _is_within(value, kind), f"a number{_range(kind)}"
        case inspect.StrType():
            fits = isinstance(value, str) and _matches(value, kind.pattern)
            allowed = f"text{_in_words(kind.pattern, example)}"
        case inspect.LiteralType():
            fits = any(value == known and type(value) is type(known) for known in kind.values)
            allowed = "one of " + ", ".join(str(known) for known in kind.values)
        case inspect.NoneType():
            fits, allowed = value is None, "null"
        case _:
            return None
    return None if fits else allowed


def _in_words(pattern: str | None, example: str | None) -> str:
    """What a pattern asks for, for people; as it stands only where nothing better is known."""
    such_as = f" such as {example}" if example else ""
    found = _CHARACTERS.fullmatch(pattern or "")
    if found is None:
        return such_as or (f" that fits {pattern}" if pattern else "")
    characters, least, most, is_optional = found.groups()
    size = f"{least} to {most}" if int(least) and not is_optional else f"at most {most}"
    comma = "," if such_as else ""
    if characters == _NO_CONTROL:
        return f"{such_as}{comma} of {size} characters on one line"
    if characters.startswith("^"):
        return such_as or f" that fits {pattern}"
    return f"{such_as}{comma} of {size} characters out of {characters}"


def _matches(text: str, pattern: str | None) -> bool:
    return pattern is None or re.fullmatch(pattern, text) is not None


def _is_within(value: object, kind: inspect.IntType | inspect.FloatType) -> bool:
    if not isinstance(value, int | float) or not -_LARGEST <= value <= _LARGEST:
        return False
    return (kind.ge is None or value >= kind.ge) and (kind.le is None or value <= kind.le)


def _range(kind: inspect.IntType | inspect.FloatType) -> str:
    if kind.ge is not None and kind.le is not None:
        return f" between {kind.ge:.12g} and {kind.le:.12g}"
    if kind.ge is not None:
        return f" of {kind.ge:.12g} or more"
    return f" of {kind.le:.12g} or less" if kind.le is not None else ""


def _name(at: str) -> str:
    above, _, name = at.rpartition("/")
    if name.isdigit() and above:  # of a list
        return f"{_name(above)}[{name}]"
    return name or "the input"


def _shown(value: object) -> str:
    """A wrong value as an error repeats it: short, on one line, whatever it is."""
    match value:
        case dict():
            return "an object"
        case list() | tuple():
            return "a list"
        case str():
            cut = value[:_MAX_SHOWN].encode(errors="replace").decode()
            return json.dumps(cut + "…" * (len(value) > _MAX_SHOWN), ensure_ascii=False)
        case int() if not -_LARGEST <= value <= _LARGEST:  # str() refuses 4300 digits
            return "a number of that size"
        case None | bool() | int() | float():
            return json.dumps(value)
    return str(value)[:_MAX_SHOWN]
