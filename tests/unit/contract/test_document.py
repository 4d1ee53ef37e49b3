"""The contract as a document: derived, valid, and true to its own examples."""

import json
from importlib.resources import files
from typing import Annotated

import msgspec
import pytest

from cinepi.features import reading
from cinepid.commands._registry import commands
from cinepid.contract.asyncapi import document
from cinepid.contract.schemas import received, sent
from cinepid.contract.words import words_of
from tests.broker.contract import judge, messages, mistakes, validator

_EXAMPLES = json.loads(files("cinepid.contract").joinpath("examples.json").read_text())


class Lamp(msgspec.Struct):
    """`lamp`: a lamp, or None.

    Attributes:
        lit: Whether it is lit; None where
            nobody knows.
        since: When it was switched, RFC 3339.
        default: A key that is a word of JSON Schema.
    """

    lit: bool | None = None
    since: str | None = None
    default: Annotated[int, reading("Default", "Overruled.", unit="s")] = 5


class Common(msgspec.Struct):
    """Keys of every command."""

    id: str | None = None


def test_words_of_a_docstring_become_descriptions() -> None:
    """What the code says of a field is what the document says, in the words of JSON."""
    words = words_of(Lamp)
    assert words.summary == "A lamp, or null."
    assert words.fields["lit"] == "Whether it is lit; null where nobody knows."


def test_what_is_sent_has_all_of_its_keys() -> None:
    """Receivers may rely on every key; times say that they are times."""
    schema = sent([Lamp])["Lamp"]
    assert schema["required"] == ["lit", "since", "default"]
    assert {"type": "string", "format": "date-time"} in schema["properties"]["since"]["anyOf"]
    assert schema["properties"]["default"]["description"] == (
        "A key that is a word of JSON Schema."
    )


def test_what_is_received_may_have_no_other_keys() -> None:
    """A command has its own keys and the common ones, each with its default."""
    schema = received(Lamp, Common)
    assert schema["additionalProperties"] is False
    assert set(schema["properties"]) == {"lit", "since", "default", "id"}
    assert schema["required"] == []
    assert schema["properties"]["default"]["default"] == 5


def test_two_types_of_one_name_are_refused() -> None:
    """A schema's name means one type."""
    other = msgspec.defstruct("Lamp", [("watts", int)])
    with pytest.raises(ValueError, match="two message types are called Lamp"):
        sent([Lamp, other])


def test_every_command_has_its_topics_and_a_reply() -> None:
    """A new command is in the document without a word about it elsewhere."""
    operations = document()["operations"]
    for name, command in commands().items():
        operation = operations[f"do_{name.replace('/', '.')}"]
        assert operation["reply"]["channel"]["$ref"].endswith(f"{name.replace('/', '.')}.answer")
        assert (f"do_{name.replace('/', '.')}.all" in operations) is command.is_broadcast


@pytest.mark.parametrize("name", _EXAMPLES)
def test_examples_fit_their_schemas(name: str) -> None:
    """AsyncAPI's own parser does not look at them."""
    judge_of_one = validator(messages()[name]["payload"])
    for example in _EXAMPLES[name]:
        assert mistakes(judge_of_one, example) == []


@pytest.mark.parametrize(
    ("topic", "payload", "retain", "wrong"),
    [
        ("cinepi/garden/weather", b"{}", False, "is in no contract"),
        ("cinepi/garden/event/gap", b"{}", True, "must not be retained"),
        ("cinepi/garden/log/error", b'{"at": 5}', False, "'level' is a required property"),
        (
            "cinepi/garden/response/system/ping",
            b'{"id": "1", "command": "system/ping", "final": true, "success": true}',
            False,
            "is not valid under any of the given schemas",
        ),
    ],
)
def test_the_judge_sees_what_is_wrong(
    topic: str,
    payload: bytes,
    retain: bool,  # noqa: FBT001
    wrong: str,
) -> None:
    """The tests that rely on it would go red."""
    assert any(wrong in problem for problem in judge(topic, payload, retain))
