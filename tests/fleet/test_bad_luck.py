"""Hostile names and payloads, late and double answers, on a broker that others use too."""

import json
import os
import pty
import select
import subprocess
import threading
from typing import Any

from tests.fleet.operator import Ctl, Stranger

_EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\r\u202eevil"


def _on_a_terminal(ctl: Ctl, *words: str) -> bytes:
    """What a terminal would be sent."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        ctl.command(*words), env=ctl.environment, stdin=slave, stdout=slave, stderr=slave
    )
    os.close(slave)
    shown = b""
    try:
        while select.select([master], [], [], 20)[0]:
            shown += os.read(master, 65536)
    except OSError:  # the program has closed its end
        pass
    process.wait(20)
    os.close(master)
    return shown


def test_nothing_from_a_device_steers_the_terminal(lone: Ctl, stranger: Stranger) -> None:
    """Escape sequences in names, reasons, documents, answers and logs are shown as text."""
    stranger.be_online("evil", reason=_EVIL, version=_EVIL)
    stranger.say("cinepi/evil/info", {"seq": 1, "name": _EVIL, "groups": [_EVIL]})
    check = {"state": "failing", "reason": _EVIL}
    stranger.say("cinepi/evil/health", {"seq": 1, "state": "ok", "checks": {_EVIL: check}})
    stranger.say("cinepi/evil/session", {"seq": 1, "state": _EVIL, "name": _EVIL})

    def answer(command: dict[str, Any]) -> None:
        error = {"code": _EVIL, "message": _EVIL}
        reply = {"id": command["id"], "final": True, "success": False, "error": error}
        stranger.say("cinepi/evil/response/system/ping", reply, retain=False)

    stranger.answer("evil", "system/ping", answer)
    for words in (("ls",), ("show", "evil"), ("ping",), ("group", "ls"), ("doctor",)):
        shown = _on_a_terminal(lone, *words)
        assert b"\\x1b]0;owned" in shown, words
        for harm in (b"\x1b]0", b"\x1b[2J", b"\x9b31m", b"\x07", "\u202e".encode()):
            assert harm not in shown, words


def test_topics_of_strangers_are_no_devices(lone: Ctl, stranger: Stranger) -> None:
    """What could not be a device's name is not listed; doctor mentions it."""
    stranger.be_online("good")
    for name in ("UPPER", "with space", "\u00e4", "x" * 40, "-/deep"):
        stranger.say(f"cinepi/{name}/status", {"state": "online", "seq": 1})
    stranger.say("cinepi/garbled/status", b"\xff\xfe{{{")
    found = {device["device"]: device for device in lone("ls", "--json").json}
    assert set(found) == {"good", "garbled"}
    assert "makes no sense: status" in found["garbled"]["problems"]
    assert "from no device of ours" in lone("doctor", "--timeout", "1").out


def test_an_answer_after_the_deadline_is_not_waited_for(lone: Ctl, stranger: Stranger) -> None:
    """The run ends in time; a repeat with the same id gets the answer that was missed."""
    stranger.be_online("slow")
    wait, ids = threading.Event(), list[str]()

    def answer(command: dict[str, Any]) -> None:
        is_first = not ids
        ids.append(command["id"])
        if is_first:
            wait.wait(20)
        reply = {"id": command["id"], "final": True, "success": True, "replayed": not is_first}
        stranger.say("cinepi/slow/response/snapshot/take", reply, retain=False)

    stranger.answer("slow", "snapshot/take", answer)
    result = lone("snapshot", "slow", "--timeout", "1")
    assert result.code == 6
    wait.set()
    again = lone.again(result)
    assert again.code == 0
    assert "had done it before" in again.out
    assert ids[0] == ids[1]


def test_a_device_that_answers_twice_is_counted_once(lone: Ctl, stranger: Stranger) -> None:
    """The first answer counts; that the second differs is said, since two devices may answer."""
    stranger.be_online("twin")
    stranger.be_online("other")

    def answer(command: dict[str, Any]) -> None:
        for success in (True, False):
            reply = {"id": command["id"], "final": True, "success": success, "message": "done"}
            stranger.say("cinepi/twin/response/session/stop", reply, retain=False)

    stranger.answer("twin", "session/stop", answer)
    found = lone("session", "stop", "twin", "other", "--yes", "--timeout", "2", "--json").json
    assert [each["device"] for each in found["ok"]] == ["twin"]
    assert found["answered_twice"] == ["twin"]


def test_answers_that_are_none_are_ignored(lone: Ctl, stranger: Stranger) -> None:
    """Junk, first answers and answers to others do not count as this one's."""
    stranger.be_online("odd")

    def answer(command: dict[str, Any]) -> None:
        topic = "cinepi/odd/response/system/ping"
        for junk in (
            b"",
            b"{",
            b"[]",
            b'{"id":5}',
            b"[" * 10_000,
            json.dumps({"id": "x"}).encode(),
        ):
            stranger.say(topic, junk, retain=False)
        stranger.say(topic, {"id": command["id"], "final": False}, retain=False)
        stranger.say(topic, {"id": command["id"], "final": True, "success": True}, retain=False)

    stranger.answer("odd", "system/ping", answer)
    assert lone.ok("ping", "odd", "--json").json["ok"][0]["device"] == "odd"


def test_a_device_that_left_for_good_is_forgotten(lone: Ctl, stranger: Stranger) -> None:
    """Everything that it left on the broker goes, and Home Assistant's announcement with it."""
    stranger.be_online("old", state="offline", reason="connection_lost")
    for channel in ("info", "health", "config/schema", "something/new"):
        stranger.say(f"cinepi/old/{channel}", {"seq": 1})
    stranger.say("homeassistant/device/old/config", {"seq": 1})
    assert lone("forget", "old").code == 2
    lone.ok("forget", "old", "--yes")
    assert lone("ls", "old").code == 4
    heard = list[str]()
    stranger._client.on_message = lambda _c, _d, message: heard.append(message.topic)  # noqa: SLF001
    stranger._subscribed.clear()  # noqa: SLF001
    stranger._client.subscribe([("cinepi/old/#", 1), ("homeassistant/#", 1)])  # noqa: SLF001
    assert stranger._subscribed.wait(20)  # noqa: SLF001
    stranger.say("cinepi/old/cmd/end", b"x", retain=False)
    while "cinepi/old/cmd/end" not in heard:
        threading.Event().wait(0.01)
    assert heard == ["cinepi/old/cmd/end"]


def test_a_device_that_is_there_must_agree_to_be_forgotten(lone: Ctl, stranger: Stranger) -> None:
    """One that says it is online and does not answer keeps what it has."""
    stranger.be_online("deaf")
    result = lone("forget", "deaf", "--yes", "--timeout", "1")
    assert result.code == 1
    assert "does not answer" in result.err
    assert len(lone("ls", "--json").json) == 1
