"""The AsyncAPI 3.0 document: servers, channels, messages, operations, schemas.

It is written from the device's point of view: the device receives commands and sends the rest.
"""

import json
from collections.abc import Iterable
from importlib.resources import files
from typing import Any, TypeAlias, get_type_hints

import msgspec

from cinepid import broker
from cinepid.commands._answer import MAX_BYTES as MAX_ANSWER
from cinepid.commands._contract import Command
from cinepid.commands._registry import commands
from cinepid.commands._request import MAX_BYTES as MAX_COMMAND
from cinepid.commands._request import Reserved
from cinepid.commands.captures_get import NAME as PICTURES
from cinepid.contract.said import DEVICE, LEVELS, SAID, TOPICS, Said
from cinepid.contract.schemas import Schema, received, reference, sent
from cinepid.contract.words import words_of
from cinepid.payloads import CONTRACT, Answer, AnswerError, StatusDocument
from cinepid.topics import BROADCAST_COMMANDS, GROUP_COMMANDS, NAME_PATTERN

Part: TypeAlias = dict[str, Any]
"""A part of the document; its shape is AsyncAPI's own matter."""

GROUP = "{group}"
"""Stands for a group in a topic."""
REFUSED = "refused"
BYTES = "picture_part"

_BINDING = "0.2.0"
_JSON = "application/json"
_ABOUT = f"""\
What any MQTT client sees of a CinePi camera. Payloads are JSON objects unless said.

A command is a message to `cinepi/<device>/cmd/<group>/<verb>`; an empty payload means no arguments.
Never set the retain flag on one: it is refused. Each command gets exactly one answer with
`final: true`, on `cinepi/<device>/response/<group>/<verb>`, and also on the MQTT 5 response topic
with the correlation data, where the command had one. With an `id` a command happens once, however
often it is sent within 10 minutes. It has at most {MAX_COMMAND} bytes, and its answer {MAX_ANSWER}.

Within version 1 things are only added: ignore keys, events and words that you do not know."""


def document() -> Part:
    """Build the whole document; the same for the same code."""
    found = _examples()
    messages = {said.name: _said_message(said, found) for said in SAID}
    for name, command in commands().items():
        messages |= _command_messages(name, command, found)
    messages[REFUSED] = _answer_message(REFUSED, None, found)
    messages[BYTES] = {
        "title": "A part of a picture",
        "summary": "Bytes of a picture; parts come in order, after the answer.",
        "contentType": "application/octet-stream",
        "payload": {"type": "string", "format": "binary"},
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "CinePi over MQTT",
            "version": CONTRACT,
            "description": _ABOUT,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": _JSON,
        "servers": _servers(),
        "channels": _channels(),
        "operations": _operations(),
        "components": {
            "messages": messages,
            "schemas": _schemas(),
            "parameters": _parameters(),
            "securitySchemes": {
                "password": {"type": "userPassword"},
                "certificate": {"type": "X509"},
            },
        },
    }


def _servers() -> Part:
    status = words_of(StatusDocument).summary
    binding = {
        "clientId": f"cinepid-{DEVICE}",
        "cleanSession": False,
        "lastWill": {"topic": TOPICS.status, "qos": 1, "retain": True, "message": status},
        "keepAlive": int(broker.KEEPALIVE),
        "sessionExpiryInterval": int(broker.SESSION_EXPIRY),
        "bindingVersion": _BINDING,
    }
    security = [{"$ref": f"#/components/securitySchemes/{n}"} for n in ("password", "certificate")]
    description = (
        f"Any broker with MQTT 5, or with 3.1.1. The will comes {int(broker.WILL_DELAY)} s after "
        "the connection was lost."
    )
    common = {"protocolVersion": "5.0", "bindings": {"mqtt": binding}}
    return {
        "plain": {"host": "localhost:1883", "protocol": "mqtt", "description": description}
        | common,
        "tls": {"host": "localhost:8883", "protocol": "secure-mqtt", "description": description}
        | common
        | {"security": security},
    }


def _channels() -> Part:
    channels = {said.name: _channel(said.topic, said.summary, [said.name]) for said in SAID}
    for name, command in commands().items():
        asked = [_command_name(name)] + [_plain_name(name)] * bool(command.plain_key)
        channels[_command_name(name)] = _channel(TOPICS.command(name), command.summary, asked)
        answer = _answer_name(name)
        channels[answer] = _channel(TOPICS.response(name), f"Answers to `{name}`.", [answer])
        if command.is_broadcast:
            for who, topic in _broadcast_topics(name).items():
                summary = f"{command.summary} To {_WHO[who]}; each answers for itself."
                channels[f"{_command_name(name)}.{who}"] = _channel(topic, summary, asked)
    for name, topic in _REFUSALS.items():
        channels[name] = _channel(topic, _REFUSAL, [REFUSED])
    bytes_topic = TOPICS.response(PICTURES, "{transfer}", "{part}")
    channels[BYTES] = _channel(
        bytes_topic, f"Bytes of a picture, as the answer to `{PICTURES}` says.", [BYTES]
    )
    return channels


def _channel(topic: str, summary: str, messages: Iterable[str]) -> Part:
    known = _parameters()
    return {
        "address": topic,
        "summary": summary,
        "parameters": {
            name: {"$ref": f"#/components/parameters/{name}"}
            for name in known
            if f"{{{name}}}" in topic
        },
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
    }


def _operations() -> Part:
    operations = {
        f"say_{said.name}": _operation(
            "send", said.name, qos=said.qos, retain=said.retain, summary=said.summary
        )
        for said in SAID
    }
    for name, command in commands().items():
        asked = _command_name(name)
        answer = _answer_name(name)
        ways = ["", *(f".{who}" for who in _WHO if command.is_broadcast)]
        for way in ways:
            operations[f"do_{asked}{way}"] = _operation(
                "receive", f"{asked}{way}", qos=1, retain=False, summary=command.summary
            ) | {
                "reply": {
                    "channel": {"$ref": f"#/channels/{answer}"},
                    "messages": [{"$ref": f"#/channels/{answer}/messages/{answer}"}],
                }
            }
    for name in _REFUSALS:
        operations[f"send_{name}"] = _operation("send", name, qos=1, retain=False, summary=_REFUSAL)
    operations[f"send_{BYTES}"] = _operation(
        "send", BYTES, qos=1, retain=False, summary=f"Bytes that `{PICTURES}` was asked for."
    )
    return operations


def _operation(action: str, channel: str, *, qos: int, retain: bool, summary: str) -> Part:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": summary,
        "bindings": {"mqtt": {"qos": qos, "retain": retain, "bindingVersion": _BINDING}},
    }


def _said_message(said: Said, examples: Part) -> Part:
    parts: list[Schema] = [reference(part) for part in said.parts]
    payload: Schema = {"type": "string", "format": "binary"}
    if parts:
        payload = parts[0] if len(parts) == 1 else {"allOf": parts}
    return _message(said.name, said.summary, payload, examples, content_type=said.content_type)


def _command_messages(name: str, command: Command, examples: Part) -> Part:
    asked = _command_name(name)
    payload = received(command.arguments, Reserved)
    found = {asked: _message(asked, _facts(command), payload, examples) | _mqtt_request()}
    if command.plain_key:
        plain = payload["properties"][command.plain_key]
        found[_plain_name(name)] = _message(
            _plain_name(name),
            f"The same without JSON: the bare value of `{command.plain_key}`.",
            {"type": "string", **plain},
            examples,
            content_type="text/plain",
        )
    return found | {_answer_name(name): _answer_message(name, command, examples)}


def _facts(command: Command) -> str:
    said = [command.summary]
    if command.is_recorded:
        said.append("Happens once for each `id`, over restarts too.")
    if command.max_age_s is None:
        said.append("Is done at any age.")
    else:
        said.append(f"Is not done when it is older than {command.max_age_s:g} s.")
    if command.lane is not None:
        said.append(f"One at a time with other work on: {command.lane}.")
    if command.is_broadcast:
        said.append("May be sent to groups and to all.")
    return " ".join(said)


def _mqtt_request() -> Part:
    text = {"type": "string"}
    binding = {"responseTopic": text, "correlationData": text, "bindingVersion": _BINDING}
    return {"bindings": {"mqtt": binding}, "correlationId": _ID}


def _answer_message(name: str, command: Command | None, examples: Part) -> Part:
    data = {} if command is None else reference(_result(command))
    shapes: list[Schema] = [
        {
            "description": "Work has begun; the final answer follows.",
            "properties": {"final": {"const": False}},
        },
        {
            "description": "It is done.",
            "properties": {
                "final": {"const": True},
                "success": {"const": True},
                "data": data,
            },
            "required": ["success", "data"],
        },
        {
            "description": "It was not done.",
            "properties": {
                "final": {"const": True},
                "success": {"const": False},
                "error": reference(AnswerError),
            },
            "required": ["success", "error"],
        },
    ]
    if command is None:
        shapes = shapes[2:]
    answer = REFUSED if command is None else _answer_name(name)
    title = _REFUSAL if command is None else f"Answer to `{name}`."
    payload = {"allOf": [reference(Answer), {"oneOf": shapes}]}
    return _message(answer, title, payload, examples) | {"correlationId": _ID}


def _result(command: Command) -> type[msgspec.Struct]:
    """The type of `data`: what `present` returns, where there is one."""
    shown = get_type_hints(command.present).get("return")
    if isinstance(shown, type) and issubclass(shown, msgspec.Struct):
        return shown
    result: type[msgspec.Struct] = command.result
    return result


def _schemas() -> dict[str, Schema]:
    types = {part for said in SAID for part in said.parts}
    types |= {_result(command) for command in commands().values()}
    return sent([*sorted(types, key=lambda each: each.__name__), Answer, AnswerError])


def _message(
    name: str, summary: str, payload: Schema, examples: Part, *, content_type: str = _JSON
) -> Part:
    found: Part = {
        "name": name,
        "summary": summary,
        "contentType": content_type,
        "payload": payload,
    }
    if name in examples:
        found["examples"] = [{"payload": each} for each in examples[name]]
    return found


def _parameters() -> Part:
    return {
        "device": {"description": f"Id of the device, `{NAME_PATTERN}`."},
        "group": {"description": f"Name of a group, `{NAME_PATTERN}`."},
        "level": {"description": "How serious it is.", "enum": list(LEVELS)},
        "transfer": {"description": "As the answer's `transfer.topic` says."},
        "part": {"description": "From 0 on."},
        "word": {"description": "As in the topic of the message, or `unknown`."},
        "verb": {"description": "As in the topic of the message."},
    }


def _broadcast_topics(name: str) -> dict[str, str]:
    groups = GROUP_COMMANDS.replace("+", GROUP)
    return {"all": BROADCAST_COMMANDS.replace("#", name), "group": groups.replace("#", name)}


def _command_name(name: str) -> str:
    return name.replace("/", ".")


def _plain_name(name: str) -> str:
    return f"{_command_name(name)}.plain"


def _answer_name(name: str) -> str:
    return f"{_command_name(name)}.answer"


def _examples() -> dict[str, list[object]]:
    """Messages by name, as a real device sent or understood them."""
    text = files("cinepid.contract").joinpath("examples.json").read_bytes()
    found: dict[str, list[object]] = json.loads(text)
    return found


_ID = {"location": "$message.payload#/id"}
_REFUSAL = "Answer to a message whose topic names no command."
_REFUSALS = {
    REFUSED: TOPICS.responses.replace("+/+", "{word}"),
    f"{REFUSED}_verb": TOPICS.responses.replace("+/+", "{word}/{verb}"),
}
_WHO = {"all": "all devices", "group": "the devices of a group"}
