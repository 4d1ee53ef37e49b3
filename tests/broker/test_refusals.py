"""What an operator sees who is refused."""

import pytest

from tests.broker.running import Operator, wait_for


def test_a_wrong_value_is_named_with_its_range(shared: Operator) -> None:
    """The answer says which field, what is allowed, and that a retry is no use."""
    answer = shared.ask("camera/set", iso=5000)
    assert not answer["success"]
    assert answer["error"]["code"] == "invalid_argument"
    assert answer["error"]["field"] == "/iso"
    assert "between 100 and 800" in answer["error"]["message"]
    assert answer["error"]["retryable"] is False


def test_all_wrong_values_are_named_at_once(shared: Operator) -> None:
    """Nobody has to mend one mistake after the other."""
    error = shared.ask("camera/set", iso=1, gain=99, quality=0, zoom=2)["error"]
    assert {field for field, _ in error["problems"]} == {"/iso", "/gain", "/quality", "/zoom"}


@pytest.mark.parametrize(
    ("command", "hint"),
    [("session/strat", "did you mean session/start?"), ("nonsense", "known are ")],
)
def test_an_unknown_command_gets_a_hint(shared: Operator, command: str, hint: str) -> None:
    """A typing mistake is answered with what may have been meant."""
    shared.send(command, {"id": command})
    channel = f"response/{command}"
    error = shared.wait(channel, lambda message: message.json["id"] == command).json["error"]
    assert error["code"] == "unknown_command"
    assert hint in error["message"]


def test_a_refusal_repeats_the_id_of_its_command(shared: Operator) -> None:
    """Whoever waits for the answer to its own id hears why, even where another key is wrong."""
    shared.send("system/ping", {"id": "half-right", "ttl_s": "soon"})
    answer = shared.wait("response/system/ping", lambda m: m.json["id"] == "half-right").json
    assert answer["error"]["field"] == "/ttl_s"


def test_an_unknown_argument_gets_a_hint(shared: Operator) -> None:
    """So does a typing mistake in an argument."""
    error = shared.ask("session/start", intervall=5)["error"]
    assert error["field"] == "/intervall"
    assert "did you mean interval?" in error["message"]


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"not json", "invalid_argument"),
        (b"[1, 2]", "invalid_argument"),
        (b'{"interval": NaN}', "invalid_argument"),
        (b'{"interval": 1e999}', "invalid_argument"),
        (b'{"interval": 5, "interval": 6}', "invalid_argument"),
        (b'{"a":' * 1000 + b"1" + b"}" * 1000, "invalid_argument"),
        (b"\xff\xfe", "invalid_argument"),
        (b'{"id": ""}', "invalid_argument"),
        (b'{"id": "' + b"x" * 65 + b'"}', "invalid_argument"),
        (b'{"name": "' + b"x" * 20_000 + b'"}', "too_large"),
        (b"x" * 1_000_000, "too_large"),
    ],
)
def test_bad_input_costs_one_answer(shared: Operator, payload: bytes, code: str) -> None:
    """It starts nothing, and the next command is answered as ever."""
    shared.send("session/start", payload)
    assert shared.answer("session/start")["error"]["code"] == code
    assert shared.ask("session/get")["data"]["state"] == "idle"


@pytest.mark.parametrize("name", ["../secret.jpg", "cinepi_20260101_000000.jpg\n", "a.jpg"])
def test_no_other_file_can_be_reached(shared: Operator, name: str) -> None:
    """A name that is none of a picture is refused."""
    for command in ("captures/get", "captures/delete"):
        assert shared.ask(command, filename=name)["error"]["code"] == "invalid_argument"


def test_only_some_commands_are_taken_from_all(shared: Operator) -> None:
    """Nobody deletes the pictures of a fleet with one message."""
    shared.send("captures/delete", {"kind": "frame"}, to="_all")
    assert shared.answer("captures/delete")["error"]["code"] == "not_supported"


def test_what_went_wrong_is_told_as_a_log_message_too(shared: Operator) -> None:
    """Warnings are published, with their particulars, and not retained."""
    shared.send("no/such-command-1")
    message = shared.wait("log/warning", lambda m: m.json["fields"].get("command") is not None)
    assert message.json["message"] == "refused"
    assert not message.retain


def test_a_flood_of_mistakes_is_one_of_few_log_messages(shared: Operator) -> None:
    """The log topic has a rate limit, and counts what it leaves out."""
    for number in range(100):
        shared.send("no/such-command", {"id": f"flood-{number}"})
    wait_for(lambda: len([m for m in shared.heard if "/response/no/" in m.topic]) >= 100)
    shared.sync()
    logged = [m for m in shared.heard if m.topic.endswith("/log/warning")]
    assert len(logged) <= 25
