"""What counts as a breaking change of the contract, and what does not."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cinepid.contract.asyncapi import document
from cinepid.contract.changes import bones, breaking

Part = dict[str, Any]

_RELEASES = sorted((Path(__file__).parents[3] / "docs/contract").glob("*.json"))


def _contract() -> Part:
    state = {
        "type": "object",
        "properties": {
            "state": {"enum": ["idle", "active"]},
            "next_at": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "frames": {"type": "integer"},
            "slots": {"type": "array", "items": {"type": "number"}},
        },
        "required": ["state", "next_at", "frames", "slots"],
    }
    start = {
        "type": "object",
        "properties": {
            "interval": {"type": "number", "minimum": 1, "maximum": 3600},
            "mode": {"enum": ["a", "b"]},
            "name": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        },
        "required": ["interval"],
        "additionalProperties": False,
    }
    common = {"topic": "cinepi/{device}/x", "retain": False, "qos": 1}
    return {
        "say": {"action": "send", "messages": {"say": state}, "answers": {}, **common},
        "do": {"action": "receive", "messages": {"do": start}, "answers": {"a": state}, **common},
    }


def _said(contract: Part) -> Part:
    schema: Part = contract["say"]["messages"]["say"]
    return schema


def _asked(contract: Part) -> Part:
    schema: Part = contract["do"]["messages"]["do"]
    return schema


def _set(part: Callable[[Part], Part], key: str, value: Part) -> Callable[[Part], object]:
    return lambda contract: part(contract)["properties"].update({key: value})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: c.pop("say"), "say: is gone"),
        (lambda c: c["say"].update(retain=True), "say: retain was False, is True"),
        (lambda c: c["say"].update(topic="other"), "say: topic was cinepi/{device}/x, is other"),
        (lambda c: c["do"]["answers"].pop("a"), "do: a is gone"),
        (lambda c: _said(c)["properties"].pop("frames"), "say: say/frames is gone"),
        (lambda c: _said(c)["required"].remove("frames"), "say: say/frames may be missing"),
        (_set(_said, "frames", {"type": "number"}), "say: say/frames can be number"),
        (
            _set(_said, "frames", {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
            "say: say/frames can be null",
        ),
        (_set(_said, "slots", {"type": "array", "items": {"type": "string"}}), "say/slots/*"),
        (_set(_said, "state", {"enum": ["x"]}), "say: say/state was one of"),
        (lambda c: _asked(c)["properties"].pop("name"), "do: do/name is gone"),
        (lambda c: _asked(c)["required"].append("name"), "do: do/name is required"),
        (_set(_asked, "interval", {"type": "number", "minimum": 5}), "at least 5"),
        (_set(_asked, "interval", {"type": "number", "maximum": 60}), "at most 60"),
        (_set(_asked, "interval", {"type": "integer"}), "do: do/interval cannot be number"),
        (_set(_asked, "mode", {"enum": ["a"]}), "do: do/mode cannot be b"),
        (_set(_asked, "name", {"type": "string"}), "do: do/name cannot be null"),
        (
            _set(
                _asked, "name", {"anyOf": [{"type": "string", "pattern": "^a"}, {"type": "null"}]}
            ),
            "do: do/name must fit ^a",
        ),
    ],
)
def test_a_breaking_change_is_named(change: Callable[[Part], object], said: str) -> None:
    """Whoever relied on the old contract would stumble."""
    new = _contract()
    change(new)
    assert any(said in problem for problem in breaking(_contract(), new))


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.update(more=c["say"]),
        lambda c: c["do"]["messages"].update(plain={"type": "string"}),
        _set(_said, "more", {"type": "string"}),
        _set(_said, "state", {"enum": ["idle", "active", "paused"]}),
        _set(_said, "next_at", {"type": "string"}),
        _set(_asked, "more", {"type": "string"}),
        _set(_asked, "mode", {"enum": ["a", "b", "c"]}),
        _set(_asked, "interval", {"type": "number", "minimum": 0}),
        lambda c: _asked(c)["required"].clear(),
    ],
)
def test_an_addition_is_allowed(change: Callable[[Part], object]) -> None:
    """Topics, keys, words and wider limits may come."""
    new = _contract()
    change(new)
    assert breaking(_contract(), new) == []


def test_the_bones_of_the_contract_compare_with_themselves() -> None:
    """Every shape that our schemas have is one that the comparison knows."""
    assert breaking(bones(document()), bones(document())) == []


@pytest.mark.parametrize("release", _RELEASES, ids=lambda path: path.stem)
def test_nothing_is_gone_that_was_promised(release: Path) -> None:
    """Whatever worked with a released version works with this one."""
    assert breaking(json.loads(release.read_text()), bones(document())) == []
