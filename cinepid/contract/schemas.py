"""JSON Schema (draft 7, as AsyncAPI has it) of message types, with the words of their docstrings.

What the device sends has all of its keys, so all of them are required; what it is sent may leave
out whatever has a default, and may have no other keys.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

import msgspec
from msgspec import inspect

from cinepid.contract.words import words_of

Schema: TypeAlias = dict[str, Any]
"""A JSON Schema; its shape is JSON Schema's own matter."""

REF = "#/components/schemas/{name}"

_TIME = "RFC 3339"
_ANY = "x-any"  # msgspec takes no empty schema for "anything"


def sent(messages: Iterable[type[msgspec.Struct]]) -> dict[str, Schema]:
    """Schemas of these types and of all that they hold, by type name, as the device sends them.

    Raises:
        ValueError: Two types have one name.
    """
    wanted = tuple(messages)
    found: dict[str, type[msgspec.Struct]] = {}
    for struct in _structs(inspect.multi_type_info(wanted)):
        if found.setdefault(struct.__name__, struct) is not struct:
            raise ValueError(f"two message types are called {struct.__name__}")
    _, schemas = msgspec.json.schema_components(wanted, schema_hook=_hook, ref_template=REF)
    return {name: _sent(schemas[name], struct) for name, struct in sorted(found.items())}


def received(arguments: type[msgspec.Struct], reserved: type[msgspec.Struct]) -> Schema:
    """Schema of a command's payload: its own arguments, and the keys that any command may have."""
    own, common = (_resolved(each) for each in (arguments, reserved))
    return {
        "type": "object",
        "properties": own["properties"] | common["properties"],
        "required": own["required"],
        "additionalProperties": False,
    }


def reference(message: type[msgspec.Struct]) -> Schema:
    """Point to the schema of a type."""
    return {"$ref": REF.format(name=message.__name__)}


def _sent(schema: Schema, struct: type[msgspec.Struct]) -> Schema:
    tidy = _described(_tidy(schema, with_defaults=False), struct)
    is_event = struct.__struct_config__.tag is not None
    if not struct.__struct_config__.omit_defaults and not is_event:  # a journal has old ones too
        tidy["required"] = list(tidy["properties"])
    return tidy


def _resolved(struct: type[msgspec.Struct]) -> Schema:
    """The schema of a type with those of its parts in their places."""
    (_,), schemas = msgspec.json.schema_components(
        (struct,), schema_hook=_hook, ref_template="{name}"
    )
    described = {
        each.__name__: _described(_tidy(schemas[each.__name__], with_defaults=True), each)
        for each in _structs(inspect.multi_type_info((struct,)))
    }
    inlined: Schema = _inlined(described[struct.__name__], described)
    return inlined


def _inlined(schema: Any, parts: Mapping[str, Schema]) -> Any:
    match schema:
        case {"$ref": str(name), **beside}:
            return _inlined(parts[name], parts) | beside
        case dict():
            return {key: _inlined(value, parts) for key, value in schema.items()}
        case list():
            return [_inlined(item, parts) for item in schema]
    return schema


def _described(schema: Schema, struct: type[msgspec.Struct]) -> Schema:
    words = words_of(struct)
    names = dict(zip(struct.__struct_fields__, struct.__struct_encode_fields__, strict=True))
    properties = schema.get("properties", {})
    for field, text in words.fields.items():
        if field in names:
            properties[names[field]] = properties[names[field]] | {"description": text}
    for name, each in properties.items():
        options = (each, *each.get("anyOf", ()))
        if any(_TIME in option.get("description", "") for option in options):
            properties[name] = _as_time(each)
    schema = {key: value for key, value in schema.items() if key != "title"}
    return schema | {"description": words.summary, "properties": properties}


def _as_time(schema: Schema) -> Schema:
    """The same for text that is a time: the words say so, the type cannot."""
    if schema.get("type") == "string":
        return schema | {"format": "date-time"}
    options = schema.get("anyOf", [])
    return schema | ({"anyOf": [_as_time(option) for option in options]} if options else {})


def _tidy(schema: Any, *, with_defaults: bool) -> Any:
    """Draft 7 instead of 2020-12, and no defaults where they say nothing."""
    if isinstance(schema, list):
        return [_tidy(item, with_defaults=with_defaults) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if _ANY in schema:
        return {}
    if "prefixItems" in schema:
        items = {"items": schema["prefixItems"], "additionalItems": False}
        rest = {key: value for key, value in schema.items() if key not in ("prefixItems", "items")}
        schema = {**rest, **items}
    if len(schema.get("anyOf", ())) > 1 and {} in schema["anyOf"]:  # anything, or null
        schema = {key: value for key, value in schema.items() if key != "anyOf"}
    properties = {
        name: _tidy(value, with_defaults=with_defaults)
        for name, value in schema.get("properties", {}).items()  # one may be called `default`
    }
    return {
        key: properties if key == "properties" else _tidy(value, with_defaults=with_defaults)
        for key, value in schema.items()
        if key != "default" or with_defaults
    }


def _hook(kind: type) -> Schema:
    if kind is not object:
        raise NotImplementedError  # how msgspec is told that the hook does not know a type
    return {_ANY: True}


def _structs(kinds: Iterable[inspect.Type]) -> Iterator[type[msgspec.Struct]]:
    """Every message type in these, each once, those that hold others first."""
    seen: dict[type[msgspec.Struct], None] = {}
    waiting = list(kinds)
    while waiting:
        kind = waiting.pop(0)
        match kind:
            case inspect.StructType() if kind.cls not in seen:
                seen[kind.cls] = None
                waiting += [field.type for field in kind.fields]
            case inspect.UnionType():
                waiting += kind.types
            case inspect.Metadata():
                waiting.append(kind.type)
            case inspect.VarTupleType() | inspect.ListType():
                waiting.append(kind.item_type)
            case inspect.TupleType():
                waiting += kind.item_types
            case inspect.DictType():
                waiting.append(kind.value_type)
    yield from seen
