"""Judges messages by the AsyncAPI document: the topic, the flags, and the payload's schema."""

import json
import re
from collections import deque
from dataclasses import dataclass
from functools import cache
from typing import Any

from jsonschema import Draft7Validator, FormatChecker

from cinepi.clock import parse_time
from cinepi.errors import InvalidArgumentError
from cinepid.contract.asyncapi import document
from cinepid.topics import PREFIX, is_command, parse

SEEN: deque[tuple[str, bytes, bool]] = deque(maxlen=100_000)
"""Topic, payload and retain flag of what operators hear, until `judge_all` takes it."""

_formats = FormatChecker(formats=())


@_formats.checks("date-time", raises=InvalidArgumentError)
def _is_time(value: object) -> bool:
    return not isinstance(value, str) or bool(parse_time(value, "/"))


@dataclass(frozen=True)
class Channel:
    """What the document promises about one topic."""

    topic: re.Pattern[str]
    retain: bool
    qos: int
    is_json: bool
    validator: Draft7Validator


def judge_all() -> list[str]:
    """Judge what has been seen since the last time; what is wrong with it."""
    problems: dict[str, None] = {}
    while SEEN:
        problems |= dict.fromkeys(judge(*SEEN.popleft()))
    return list(problems)


def judge(topic: str, payload: bytes, retain: bool) -> list[str]:  # noqa: FBT001
    """What is wrong with a message that a device has sent; nothing, for those of others."""
    if not topic.startswith(f"{PREFIX}/") or is_command(parse(topic)):
        return []
    found = next((each for each in channels() if each.topic.fullmatch(topic)), None)
    if found is None:
        return [f"{topic} is in no contract"]
    if retain and not found.retain:
        return [f"{topic} must not be retained"]
    if not found.is_json or (found.retain and not payload):  # bytes, or a topic that is cleared
        return []
    return [f"{topic}{where}" for where in mistakes(found.validator, json.loads(payload))]


def mistakes(validator: Draft7Validator, value: object) -> list[str]:
    """Each place where a value does not fit, with the reason."""
    return [
        f"{error.json_path[1:]}: {error.message[:300]}" for error in validator.iter_errors(value)
    ]


@cache
def _contract() -> dict[str, Any]:
    """The document, whose making takes a tenth of a second."""
    return document()


@cache
def channels() -> tuple[Channel, ...]:
    """All that the device sends, in the document's order."""
    contract = _contract()
    found = []
    for operation in contract["operations"].values():
        for part in (operation, operation.get("reply")):
            if part is None or part.get("action") == "receive":
                continue
            channel = contract["channels"][part["channel"]["$ref"].rsplit("/", 1)[1]]
            (name,) = channel["messages"]
            message = contract["components"]["messages"][name]
            flags = part.get("bindings", {"mqtt": {"qos": 1, "retain": False}})["mqtt"]
            pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(channel["address"]))
            found.append(
                Channel(
                    topic=re.compile(pattern),
                    retain=flags["retain"],
                    qos=flags["qos"],
                    is_json=message["contentType"] == "application/json",
                    validator=validator(message["payload"]),
                )
            )
    return tuple(found)


@cache
def messages() -> dict[str, Any]:
    """Every message of the document, by name."""
    found: dict[str, Any] = _contract()["components"]["messages"]
    return found


def validator(payload: dict[str, Any]) -> Draft7Validator:
    """Judges payloads of one message."""
    schema = {"allOf": [payload], "components": {"schemas": _contract()["components"]["schemas"]}}
    return Draft7Validator(schema, format_checker=_formats)
