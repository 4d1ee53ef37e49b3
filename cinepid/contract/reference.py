"""The readable reference, made of the document alone."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from cinepid.contract.asyncapi import Part
from cinepid.contract.schemas import Schema

_MAX_CHOICES = 12

Rows: TypeAlias = Sequence[tuple[str, ...]]


def reference(contract: Part) -> str:
    """Write the reference, in Markdown."""
    return "\n".join(_Reference(contract).lines()) + "\n"


class _Reference:
    """One document, as text for people."""

    def __init__(self, contract: Part) -> None:
        self._channels = contract["channels"]
        self._operations = contract["operations"]
        self._messages = contract["components"]["messages"]
        self._schemas = contract["components"]["schemas"]
        self._info = contract["info"]

    def lines(self) -> Iterator[str]:
        """The text, line by line."""
        yield "<!-- Made by `make contract` from the code: do not edit. -->"
        yield f"# MQTT reference, version {self._info['version']}"
        yield from ("", self._info["description"].strip(), "")
        yield "The same for programs, with JSON Schemas: [asyncapi.yaml](asyncapi.yaml)."
        yield from ("", "## What the device says", "")
        said = [name for name, each in self._operations.items() if name.startswith("say_")]
        rows = []
        for name in said:
            operation = self._operations[name]
            channel = self._channel(operation)
            binding = operation["bindings"]["mqtt"]
            kept = "retained" if binding["retain"] else ""
            rows.append(
                (f"`{channel['address']}`", kept, str(binding["qos"]), _cell(channel["summary"]))
            )
        yield from _table(("topic", "", "QoS", "what"), rows)
        for name in said:
            yield from self._said(self._operations[name])
        yield from ("", "## Commands", "")
        commands = {
            name.removeprefix("do_"): each
            for name, each in self._operations.items()
            if name.startswith("do_") and name.count(".") == 1
        }
        yield from _table(
            ("command", "what"),
            [
                (f"[`{_slashed(name)}`](#cmd{name.replace('.', '')})", _cell(each["summary"]))
                for name, each in commands.items()
            ],
        )
        yield from self._common_keys(next(iter(commands)))
        for name in commands:
            yield from self._command(name)
        yield from ("", "## Parts of messages", "")
        for name in self._shared():
            yield from ("", f"### {name}", "", self._schemas[name]["description"], "")
            yield from self._fields(self._schemas[name])

    def _said(self, operation: Part) -> Iterator[str]:
        channel = self._channel(operation)
        message = self._messages[next(iter(channel["messages"]))]
        yield from ("", f"### {channel['address'].split('}/')[1]}", "", message["summary"], "")
        *before, own = _parts(message["payload"])
        if before:
            yield from (f"After the keys of {_kind(before[0])}:", "")
        yield from self._fields(own)
        yield from _examples(message)

    def _command(self, name: str) -> Iterator[str]:
        asked = self._messages[name]
        yield from ("", f"### cmd/{_slashed(name)}", "", asked["summary"], "")
        yield from self._fields(asked["payload"], leave_out=self._common(name))
        if f"{name}.plain" in self._messages:
            yield from ("", self._messages[f"{name}.plain"]["summary"])
        yield from _examples(asked, title="Example")
        answer = self._messages[f"{name}.answer"]
        done = answer["payload"]["allOf"][1]["oneOf"][1]
        data = done["properties"]["data"]["$ref"].rsplit("/", 1)[1]
        yield from ("", f"`data` of the answer: [{data}](#{data.lower()})")
        yield from _examples(answer, title="Answer")

    def _common_keys(self, name: str) -> Iterator[str]:
        yield from ("", "Every command may have these keys beside its own:", "")
        properties = self._messages[name]["payload"]["properties"]
        common = {key: properties[key] for key in properties if key in self._common(name)}
        yield from self._fields({"properties": common})
        yield from ("", "The answer to every command:", "")
        yield from self._fields(self._schemas["Answer"])

    def _common(self, name: str) -> set[str]:
        """Keys that all commands have."""
        every = [
            set(message["payload"]["properties"])
            for key, message in self._messages.items()
            if f"{key}.answer" in self._messages
        ]
        return set.intersection(*every) & set(self._messages[name]["payload"]["properties"])

    def _shared(self) -> list[str]:
        """Schemas that a link may lead to: parts of others, in front of others, or answers."""
        linked = {
            part["$ref"]
            for message in self._messages.values()
            for part in _parts(message["payload"])[:-1]
        }
        linked |= set(_references(self._schemas))
        linked |= {
            ref
            for name, message in self._messages.items()
            if name.endswith(".answer")
            for ref in _references(message)
        }
        return [name for name in self._schemas if f"#/components/schemas/{name}" in linked]

    def _fields(self, schema: Schema, leave_out: set[str] | None = None) -> Iterator[str]:
        rows: list[tuple[str, ...]] = []
        resolved = self._resolved(schema)
        required = resolved.get("required", [])
        for key, each in resolved.get("properties", {}).items():
            if key not in (leave_out or ()):
                is_optional = key not in required
                needed = "optional" if is_optional else ""
                rows.append((f"`{key}`", _kind(_without_null(each)), needed, _cell(_words(each))))
        if rows:
            yield from _table(("key", "value", "", "what"), rows)

    def _resolved(self, schema: Schema) -> Schema:
        if "$ref" not in schema:
            return schema
        found: Schema = self._schemas[schema["$ref"].rsplit("/", 1)[1]]
        return found

    def _channel(self, operation: Part) -> Part:
        found: Part = self._channels[operation["channel"]["$ref"].rsplit("/", 1)[1]]
        return found


def _parts(schema: Schema) -> list[Schema]:
    return [part for part in schema.get("allOf", [schema]) if "oneOf" not in part]


def _references(part: Any) -> Iterator[str]:
    """Every `$ref` in a part of the document."""
    match part:
        case {"$ref": str(ref)}:
            yield ref
        case dict():
            for value in part.values():
                yield from _references(value)
        case list():
            for item in part:
                yield from _references(item)


def _words(schema: Schema) -> str:
    said = [each.get("description", "") for each in (schema, *schema.get("anyOf", ()))]
    return " ".join(each for each in said if each) or str(schema.get("title", ""))


def _kind(schema: Schema) -> str:
    """The type of a value with its limits, in a few words."""
    match schema:
        case {"$ref": str(ref)}:
            name = ref.rsplit("/", 1)[1]
            return f"[{name}](#{name.lower()})"
        case {"anyOf": list(options)}:
            return " or ".join(_kind(option) for option in options)
        case {"const": value}:
            return f"`{json.dumps(value)}`"
        case {"enum": list(choices)} if len(choices) <= _MAX_CHOICES:
            return _with_default(schema, ", ".join(f"`{choice}`" for choice in choices))
        case {"type": "array", "items": dict(items)}:
            return f"list of {_kind(items)}"
        case {"type": "array"}:
            return "list"
        case {"type": "object", "additionalProperties": dict(values)} if values:
            return f"object of {_kind(values)}"
    words = {"integer": "whole number", "string": "text", "boolean": "true or false"}
    kind = "time" if schema.get("format") == "date-time" else schema.get("type", "anything")
    return _with_default(schema, words.get(kind, kind) + _limits(schema))


def _without_null(schema: Schema) -> Schema:
    """Not a word of null where it is the same as leaving the key out."""
    if schema.get("default", ...) is not None:
        return schema
    options = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    return {**options[0], **schema, "anyOf": options} if options else schema


def _limits(schema: Schema) -> str:
    unit = f" {schema['x-unit']}" if "x-unit" in schema else ""
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None and most is not None:
        return f" {least:.12g} to {most:.12g}{unit}"
    if least is not None:
        return f" of {least:.12g}{unit} or more"
    return f" in{unit}" if unit else ""


def _with_default(schema: Schema, text: str) -> str:
    default: Any = schema.get("default")
    return text if default is None else f"{text}; default `{json.dumps(default)}`"


def _examples(message: Part, *, title: str = "Example") -> Iterator[str]:
    for example in message.get("examples", [])[:1]:
        payload = example["payload"]
        text = payload if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False)
        yield from ("", f"{title}:", "", "```json", text, "```")


def _table(head: tuple[str, ...], rows: Rows) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "| " + " | ".join("---" for _ in head) + " |"
    yield from (f"| {' | '.join(row)} |" for row in rows)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _slashed(name: str) -> str:
    return name.replace(".", "/")
