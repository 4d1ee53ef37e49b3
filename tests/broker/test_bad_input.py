"""Every command with every sort of bad arguments, made from the contract's schemas.

One device takes them all, and at the end of it nothing has happened.
"""

import json
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cinepi.model.settings import Config
from cinepi.protocol import NoParams
from cinepid.commands._registry import commands
from cinepid.commands._request import MAX_BYTES
from cinepid.contract.schemas import received
from tests.broker.contract import messages
from tests.broker.running import Operator
from tests.service.running import RunningService

Schema = dict[str, Any]

_VALUES: dict[str, st.SearchStrategy[object]] = {
    "null": st.none(),
    "boolean": st.booleans(),
    "integer": st.integers(),
    "number": st.floats(allow_nan=False, allow_infinity=False).filter(lambda x: x % 1 != 0),
    "string": st.text(max_size=60),
    "array": st.lists(st.integers(), max_size=2),
    "object": st.dictionaries(st.sampled_from(["a", "interval"]), st.integers(), max_size=2),
}
_SECTIONS: dict[str, dict[str, Schema]] = {
    section.name: received(section.type, NoParams)["properties"]
    for section in msgspec.structs.fields(Config)
}
_FILLER = {"string": "x", "object": {}, "array": [], "integer": 1, "number": 1, "boolean": True}


class Bad(NamedTuple):
    """A payload that must be refused.

    Attributes:
        command: Such as `session/start`.
        payload: As bytes.
        field: JSON pointer that the answer must name; None where it is about all of the message.
        code: Of the error.
    """

    command: str
    payload: bytes
    field: str | None
    code: str = "invalid_argument"


def _properties(command: str) -> dict[str, Schema]:
    found: dict[str, Schema] = messages()[command.replace("/", ".")]["payload"]["properties"]
    return found


def _required(command: str) -> dict[str, object]:
    """The least that the schema admits."""
    schema = messages()[command.replace("/", ".")]["payload"]
    return {key: _valid(schema["properties"][key]) for key in schema["required"]}


def _valid(schema: Schema) -> object:
    options = schema.get("anyOf", [schema])
    if "enum" in options[0]:
        return options[0]["enum"][0]
    return _FILLER[options[0]["type"]]


def _kinds(schema: Schema) -> set[str]:
    """JSON types that a schema admits; `enum` stands for its words."""
    kinds = {str(each.get("type", "enum")) for each in schema.get("anyOf", [schema])}
    return kinds | ({"integer"} if "number" in kinds else set())


@st.composite
def _wrong_value(draw: st.DrawFn, schema: Schema) -> object:
    """A value that the schema does not admit: another type, beyond a limit, no such word."""
    options = [each for each in schema.get("anyOf", [schema]) if each.get("type") != "null"]
    option = options[0]
    wrong = [values for kind, values in _VALUES.items() if kind not in _kinds(schema)]
    if "enum" in option:
        wrong = [values.filter(lambda v: v not in option["enum"]) for values in wrong]
    if "minimum" in option:
        wrong.append(st.integers(max_value=math.ceil(option["minimum"]) - 1))
    if "maximum" in option:
        wrong.append(st.integers(min_value=math.floor(option["maximum"]) + 1))
        wrong.append(st.sampled_from([10**400, 1e300]))
        wrong.append(st.just(f"{option['maximum']}{option.get('x-unit', 's')}"))  # a unit
    if "pattern" in option:
        wrong.append(st.sampled_from(["", "\n", "x" * 200 + "\x00", "\u0000"]))
    if option.get("type") == "string":
        wrong.append(st.text(min_size=101, max_size=2000))
    if option.get("format") == "date-time":
        wrong.append(st.sampled_from(["", "tomorrow", "2026-13-01T00:00:00Z", "12:00", "9" * 500]))
    return draw(st.one_of(wrong))


@st.composite
def bad_arguments(draw: st.DrawFn) -> Bad:
    """One command with one mistake that its schema forbids."""
    command = draw(st.sampled_from(sorted(commands())))
    properties, values = _properties(command), _required(command)
    mistakes = ["extra", "wrong"] + ["missing"] * bool(values)
    match draw(st.sampled_from(mistakes)):
        case "missing":
            key = draw(st.sampled_from(sorted(values)))
            del values[key]
        case "extra":
            key = draw(st.from_regex("[a-z_]{1,12}", fullmatch=True).filter(_not_in(properties)))
            values[key] = draw(st.one_of(*_VALUES.values()))
        case _:
            key = draw(st.sampled_from(sorted(properties)))
            values[key] = draw(_wrong_value(properties[key]))
    return Bad(command, json.dumps(values).encode(), f"/{key}")


@st.composite
def bad_configuration(draw: st.DrawFn) -> Bad:
    """A command on the configuration with one wrong value in it; the field is its place there."""
    command, key = draw(
        st.sampled_from([(f"config/{verb}", "config") for verb in ("replace", "validate")])
        | st.just(("config/patch", "patch"))
    )
    section = draw(st.sampled_from(sorted(_SECTIONS)))
    name = draw(st.sampled_from(sorted(_SECTIONS[section])))
    value = draw(_wrong_value(_SECTIONS[section][name]).filter(lambda each: each is not None))
    payload = json.dumps({key: {section: {name: value}}}).encode()
    return Bad(command, payload, f"/{section}/{name}")


@st.composite
def bad_json(draw: st.DrawFn) -> Bad:
    """One command with a payload that is no JSON object, or more than one thing at once."""
    command = draw(st.sampled_from([n for n, c in commands().items() if not c.plain_key]))
    key = draw(st.sampled_from(sorted(_properties(command))))
    depth = draw(st.integers(17, 3000))
    payload = draw(
        st.sampled_from(
            [
                f'{{"{key}": 1, "{key}": 1}}',
                f'{{"{key}": NaN}}',
                f'{{"{key}": -Infinity}}',
                f'{{"{key}": 1e999}}',
                f'{{"{key}": {"[" * depth}{"]" * depth}}}',
                f'{{"{key}": "\\ud800"}}',
                f'{{"{key}": 1',
                f"{key}: 1",  # YAML
                "[1]",
                "null",
                "5",
                '"ON"',
            ]
        ).map(str.encode)
        | st.binary(min_size=1, max_size=40).filter(_is_no_json)
    )
    return Bad(command, payload, None)


def _not_in(properties: dict[str, Schema]) -> Any:
    return lambda key: key not in properties


def _is_no_json(data: bytes) -> bool:
    try:
        json.loads(data)
    except ValueError:
        return True
    return False


def _answer_to(operator: Operator, bad: Bad) -> dict[str, Any]:
    operator.forget()
    operator.send(bad.command, bad.payload)
    return operator.answer(bad.command)


@pytest.fixture(scope="module", autouse=True)
def _nothing_has_happened(garden: tuple[Operator, RunningService]) -> Iterator[None]:
    """None of what is said here starts a session, moves a setting or takes a picture."""
    before = _state(*garden)
    yield
    assert _state(*garden) == before


def _state(operator: Operator, service: RunningService) -> dict[str, Any]:
    found = {name: operator.ask(f"{name}/get")["data"] for name in ("session", "camera", "config")}
    return {**found, "pictures": service.pictures()}


_MANY = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,  # the same in every run: a failure is the change's, not the dice's
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


@_MANY
@given(bad=bad_arguments())
def test_wrong_arguments_are_named(shared: Operator, bad: Bad) -> None:
    """Missing, unknown, of another type or beyond a limit: the answer names the field."""
    answer = _answer_to(shared, bad)
    assert answer["success"] is False, bad
    assert answer["error"]["code"] == bad.code, (bad, answer)
    assert bad.field in {field for field, _ in answer["error"]["problems"]}, (bad, answer)
    assert answer["error"]["retryable"] is False


@_MANY
@given(bad=bad_configuration())
def test_a_wrong_value_of_the_configuration_is_named(shared: Operator, bad: Bad) -> None:
    """The answer names its place in the configuration, whichever command brought it."""
    answer = _answer_to(shared, bad)
    assert answer["success"] is False, bad
    assert answer["error"]["code"] == bad.code, (bad, answer)
    assert bad.field in {field for field, _ in answer["error"]["problems"]}, (bad, answer)


@_MANY
@given(bad=bad_json())
def test_what_is_no_json_object_is_refused(shared: Operator, bad: Bad) -> None:
    """Keys twice, no numbers, depth, fragments: one answer that says what is wrong."""
    answer = _answer_to(shared, bad)
    assert answer["success"] is False, bad
    assert answer["error"]["code"] == bad.code, (bad, answer)


@pytest.mark.parametrize("command", commands())
def test_too_long_a_message_is_not_read(shared: Operator, command: str) -> None:
    """Its length is judged before its content."""
    bad = Bad(command, b'{"id": "' + b"x" * MAX_BYTES + b'"}', None, "too_large")
    assert _answer_to(shared, bad)["error"]["code"] == bad.code
