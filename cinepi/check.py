"""Does a value fit a message type? All that is wrong at once, in words that help.

msgspec stops at the first mistake; people who wrote a file or a message want to hear of all, each
with the field, what was given, what is allowed, and the name that they may have meant.
"""

import math
import re
from difflib import get_close_matches
from functools import cache
from typing import TypeVar

import msgspec
from msgspec import inspect

from cinepi.errors import InvalidArgumentError, Problem

MessageT = TypeVar("MessageT", bound=msgspec.Struct)

_MAX_SHOWN = 40  # characters of a wrong value that an error repeats


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


def unknown_key(key: str, known: list[str], at: str) -> Problem:
    """Say that there is no such key, and which one may have been meant."""
    close = get_close_matches(key, known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(sorted(known))}"
    if not known:
        hint = "none is allowed here"
    return Problem(f"{at}/{key[:_MAX_SHOWN]}", f"{_shown(key)} is unknown; {hint}")


def _problems(kind: inspect.Type, value: object, at: str) -> list[Problem]:
    if isinstance(kind, inspect.Metadata):
        return _with_example(kind, _problems(kind.type, value, at))
    if isinstance(kind, inspect.UnionType):
        return _union_problems(kind, value, at)
    if isinstance(kind, inspect.StructType):
        return _struct_problems(kind, value, at)
    if isinstance(kind, inspect.VarTupleType | inspect.ListType):
        return _list_problems(kind, value, at)
    if isinstance(kind, inspect.DictType):
        return _dict_problems(kind, value, at)
    wrong = _scalar_mistake(kind, value)
    return [Problem(at, f"{_name(at)} must be {wrong}, not {_shown(value)}")] if wrong else []


def _with_example(kind: inspect.Metadata, problems: list[Problem]) -> list[Problem]:
    examples = (kind.extra_json_schema or {}).get("examples")
    if not examples:
        return problems
    return [
        Problem(problem.field, f"{problem.message} (for example {examples[0]})")
        for problem in problems
    ]


def _struct_problems(kind: inspect.StructType, value: object, at: str) -> list[Problem]:
    if not isinstance(value, dict):
        return [
            Problem(at, f"{_name(at)} must be an object of keys and values, not {_shown(value)}")
        ]
    fields = {field.encode_name: field for field in kind.fields}
    problems: list[Problem] = []
    for key, item in value.items():
        if key in fields:
            problems += _problems(fields[key].type, item, f"{at}/{key}")
        elif kind.forbid_unknown_fields:
            problems.append(unknown_key(str(key), list(fields), at))
    missing = (name for name, field in fields.items() if field.required and name not in value)
    return problems + [Problem(f"{at}/{name}", f"{name} is required") for name in missing]


def _union_problems(kind: inspect.UnionType, value: object, at: str) -> list[Problem]:
    if value is None and kind.includes_none:
        return []
    options = [option for option in kind.types if not isinstance(option, inspect.NoneType)]
    found = [_problems(option, value, at) for option in options]
    return [] if [] in found else found[0]


def _list_problems(
    kind: inspect.VarTupleType | inspect.ListType, value: object, at: str
) -> list[Problem]:
    if not isinstance(value, list | tuple):
        return [Problem(at, f"{_name(at)} must be a list, not {_shown(value)}")]
    return [
        problem
        for index, item in enumerate(value)
        for problem in _problems(kind.item_type, item, f"{at}/{index}")
    ]


def _dict_problems(kind: inspect.DictType, value: object, at: str) -> list[Problem]:
    if not isinstance(value, dict):
        return [
            Problem(at, f"{_name(at)} must be an object of keys and values, not {_shown(value)}")
        ]
    return [
        problem
        for key, item in value.items()
        for problem in _problems(kind.value_type, item, f"{at}/{key}")
    ]


def _scalar_mistake(kind: inspect.Type, value: object) -> str | None:
    """What `value` should have been, or None where it is right."""
    match kind:
        case inspect.BoolType():
            return None if isinstance(value, bool) else "true or false"
        case inspect.IntType():
            whole = isinstance(value, int) and not isinstance(value, bool)
            fits = whole and _is_within(value, kind)
            return None if fits else f"a whole number{_range(kind)}"
        case inspect.FloatType():
            number = isinstance(value, int | float) and not isinstance(value, bool)
            fits = number and _is_within(value, kind)
            return None if fits else f"a number{_range(kind)}"
        case inspect.StrType():
            fits = isinstance(value, str) and (
                kind.pattern is None or re.fullmatch(kind.pattern, value) is not None
            )
            return None if fits else "text" + (f" that fits {kind.pattern}" if kind.pattern else "")
        case inspect.LiteralType():
            same = any(value == known and type(value) is type(known) for known in kind.values)
            return None if same else "one of " + ", ".join(str(known) for known in kind.values)
        case inspect.NoneType():
            return None if value is None else "null"
        case _:
            return None


def _is_within(value: object, kind: inspect.IntType | inspect.FloatType) -> bool:
    if not isinstance(value, int | float) or not math.isfinite(value):
        return False
    return (kind.ge is None or value >= kind.ge) and (kind.le is None or value <= kind.le)


def _range(kind: inspect.IntType | inspect.FloatType) -> str:
    if kind.ge is not None and kind.le is not None:
        return f" between {kind.ge:.12g} and {kind.le:.12g}"
    if kind.ge is not None:
        return f" of {kind.ge:.12g} or more"
    return f" of {kind.le:.12g} or less" if kind.le is not None else ""


def _name(at: str) -> str:
    return at.rsplit("/", 1)[-1] or "the input"


def _shown(value: object) -> str:
    text = msgspec.json.encode(value, enc_hook=str).decode()
    return text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "…"
