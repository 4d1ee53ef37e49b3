"""Is a contract still what was promised? Within a major version, things are only added.

Whoever listens must find every topic and every key that was promised, with values of the promised
kinds; new words in a list of words may come. Whoever commands must be understood as before.
"""

from collections.abc import Iterator
from typing import Any, Literal

from cinepid.contract.asyncapi import Part
from cinepid.contract.schemas import Schema

Direction = Literal["send", "receive"]

_WORDS = frozenset({"description", "title", "summary", "examples", "default", "name", "format"})
_ANYTHING = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})
_JSON_TYPES: dict[type, str] = {
    type(None): "null",
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
}


def bones(contract: Part) -> Part:
    """What a document promises, without its words: what each release leaves for those to come."""
    schemas = contract["components"]["schemas"]
    messages = contract["components"]["messages"]
    channels = contract["channels"]

    def payloads(channel: Part) -> Part:
        name = channel["$ref"].rsplit("/", 1)[1]
        return {
            message: _bare(messages[message]["payload"], schemas)
            for message in channels[name]["messages"]
        }

    return {
        name: {
            "action": operation["action"],
            "topic": channels[operation["channel"]["$ref"].rsplit("/", 1)[1]]["address"],
            "retain": operation["bindings"]["mqtt"]["retain"],
            "qos": operation["bindings"]["mqtt"]["qos"],
            "messages": payloads(operation["channel"]),
            "answers": payloads(operation["reply"]["channel"]) if "reply" in operation else {},
        }
        for name, operation in contract["operations"].items()
    }


def breaking(old: Part, new: Part) -> list[str]:
    """What somebody who relied on `old` would stumble over; both as `bones` made them."""
    found = {
        f"{name}: {change}": None  # a whole number is a number too: said once
        for name, before in old.items()
        for change in _operation(before, new.get(name))
    }
    return list(found)


def _operation(old: Part, new: Part | None) -> Iterator[str]:
    if new is None:
        yield "is gone"
        return
    for fact in ("action", "topic", "retain", "qos"):
        if old[fact] != new[fact]:
            yield f"{fact} was {old[fact]}, is {new[fact]}"
    directions: tuple[tuple[str, Direction], ...] = (
        ("messages", old["action"]),
        ("answers", "send"),
    )
    for which, direction in directions:
        for message, payload in old[which].items():
            if message not in new[which]:
                yield f"{message} is gone"
            else:
                yield from _changes(payload, new[which][message], direction, message)


def _changes(old: Schema, new: Schema, direction: Direction, at: str) -> Iterator[str]:
    if old == new:
        return
    for number, (before, after) in enumerate(zip(*_shapes(old, new), strict=False)):
        yield from _changes(before, after, direction, f"{at} ({number + 1})")
    narrow, wide = (new, old) if direction == "send" else (old, new)
    if extra := _kinds(narrow) - _kinds(wide):
        yield f"{at} {_VERB[direction]} {', '.join(sorted(extra))}"
    for kind in sorted(_kinds(old) & _kinds(new)):
        yield from _COMPARE.get(kind, _words)(_option(old, kind), _option(new, kind), direction, at)


def _shapes(*schemas: Schema) -> Iterator[list[Schema]]:
    yield from (schema.get("oneOf", []) for schema in schemas)


def _object(old: Schema, new: Schema, direction: Direction, at: str) -> Iterator[str]:
    before, after = old.get("properties", {}), new.get("properties", {})
    for key, value in before.items():
        if key not in after:
            yield f"{at}/{key} is gone"
        else:
            yield from _changes(value, after[key], direction, f"{at}/{key}")
    required = (set(old.get("required", ())), set(new.get("required", ())))
    if direction == "send":
        yield from (f"{at}/{key} may be missing" for key in sorted(required[0] - required[1]))
    else:
        yield from (f"{at}/{key} is required" for key in sorted(required[1] - required[0]))
        if new.get("additionalProperties") is False and "additionalProperties" not in old:
            yield f"{at} takes no other keys"
    values = (old.get("additionalProperties"), new.get("additionalProperties"))
    if isinstance(values[0], dict) and isinstance(values[1], dict):
        yield from _changes(values[0], values[1], direction, f"{at}/*")


def _array(old: Schema, new: Schema, direction: Direction, at: str) -> Iterator[str]:
    items = (old.get("items", {}), new.get("items", {}))
    if isinstance(items[0], dict) and isinstance(items[1], dict):
        yield from _changes(items[0], items[1], direction, f"{at}/*")
    elif items[0] != items[1]:
        yield f"{at} has other items"


def _number(old: Schema, new: Schema, direction: Direction, at: str) -> Iterator[str]:
    yield from _words(old, new, direction, at)
    if direction == "receive":
        if new.get("minimum", float("-inf")) > old.get("minimum", float("-inf")):
            yield f"{at} must be at least {new['minimum']}"
        if new.get("maximum", float("inf")) < old.get("maximum", float("inf")):
            yield f"{at} must be at most {new['maximum']}"


def _words(old: Schema, new: Schema, direction: Direction, at: str) -> Iterator[str]:
    before, after = old.get("enum"), new.get("enum")
    if direction == "send":
        if before and after and not set(before) & set(after):
            yield f"{at} was one of {before}, is one of {after}"
        return
    if after and (gone := [word for word in before or ["anything"] if word not in after]):
        yield f"{at} cannot be {', '.join(map(str, gone))}"
    if new.get("pattern") not in (None, old.get("pattern")):
        yield f"{at} must fit {new['pattern']}"


_COMPARE = {"object": _object, "array": _array, "integer": _number, "number": _number}
_VERB: dict[Direction, str] = {"send": "can be", "receive": "cannot be"}


def _kinds(schema: Schema) -> frozenset[str]:
    """The JSON types that it allows; a number may be whole."""
    if "anyOf" in schema:
        return frozenset().union(*map(_kinds, schema["anyOf"]))
    if "enum" in schema:
        return frozenset(_JSON_TYPES[type(word)] for word in schema["enum"])
    if "type" not in schema:
        return frozenset({"object"}) if "properties" in schema else _ANYTHING
    kind = schema["type"]
    return frozenset({"integer", "number"} if kind == "number" else {kind})


def _option(schema: Schema, kind: str) -> Schema:
    """The part of it that is about one JSON type."""
    for option in schema.get("anyOf", ()):
        if kind in _kinds(option):
            return _option(option, kind)
    return schema


def _bare(schema: Any, schemas: dict[str, Schema]) -> Any:
    """A schema without words and references; what it is all of becomes one."""
    match schema:
        case {"$ref": str(ref)}:
            return _bare(schemas[ref.rsplit("/", 1)[1]], schemas)
        case {"allOf": list(parts)}:
            joined: Schema = {"type": "object", "properties": {}, "required": []}
            for part in (_bare(each, schemas) for each in parts):
                joined["properties"] |= part.get("properties", {})
                joined["required"] += part.get("required", [])
                joined |= {key: value for key, value in part.items() if key == "oneOf"}
            return joined
        case {"const": value}:
            return {"enum": [value]}
        case dict():
            return {
                key: {name: _bare(each, schemas) for name, each in value.items()}
                if key == "properties"
                else _bare(value, schemas)
                for key, value in schema.items()
                if key not in _WORDS and not key.startswith("x-")
            }
        case list():
            return [_bare(item, schemas) for item in schema]
    return schema
