"""Many simulated devices: who is found, who answers, and what a script learns of it."""

import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from tests.fleet.operator import Ctl, Stranger

Simulate = Callable[..., None]


def test_all_devices_are_listed(lone: Ctl, simulate: Simulate) -> None:
    """Every device is there, with its state, and a program can read it."""
    simulate(300)
    found = lone.ok("ls", "--json").json
    assert len(found) == 300
    assert {device["state"] for device in found} == {"online"}
    assert {device["session"] for device in found} == {"active"}
    assert not any(device["problems"] for device in found)
    table = lone.ok("ls", "sim-000*").out.splitlines()
    assert table[0].split()[:3] == ["DEVICE", "STATE", "SESSION"]
    assert len(table) == 11


def test_one_message_reaches_all_and_a_group(lone: Ctl, simulate: Simulate) -> None:
    """`--all` and `--group` are answered by everyone who is meant, once each."""
    simulate(100)
    everyone = lone.ok("snapshot", "--all", "--json").json
    assert len(everyone["ok"]) == 100
    assert (everyone["failed"], everyone["silent"], everyone["answered_twice"]) == ([], [], [])
    group = lone.ok("snapshot", "--group", "south", "--json").json
    assert len(group["ok"]) == 50


def test_answers_that_a_broker_has_dropped_are_asked_for_again(
    lone: Ctl, simulate: Simulate
) -> None:
    """Brokers drop some of very many answers; by the same id, nobody takes a second picture."""
    simulate(150, "--losing", "0.3")
    found = lone.ok("snapshot", "--all", "--timeout", "4", "--json").json
    assert len(found["ok"]) == 150
    assert not any(each["replayed"] for each in found["ok"])
    assert sum(each["after_s"] > 2 for each in found["ok"]) > 10


def test_a_partial_success_says_how_to_repeat_it(lone: Ctl, simulate: Simulate) -> None:
    """The rest is named, the code is 3, and the last line can be run as it stands."""
    simulate(10, "--prefix", "good")
    simulate(5, "--prefix", "deaf", "--silent", "1")
    result = lone("snapshot", "--all", "--timeout", "1")
    assert result.code == 3
    assert "10 ok, 0 failed, 5 without answer" in result.err
    assert result.err.splitlines()[-1].endswith("deaf-0000 deaf-0001 deaf-0002 deaf-0003 deaf-0004")
    again = lone.again(result)
    assert again.code == 6
    assert "good" not in again.out


def test_failures_are_told_from_silence(lone: Ctl, simulate: Simulate) -> None:
    """All failed is 1; with the reason of each."""
    simulate(4, "--failing", "1")
    result = lone("snapshot", "--all", "--json")
    assert result.code == 1
    assert {each["code"] for each in result.json["failed"]} == {"camera_unavailable"}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("snapshot",), 2, "name a device"),
        (("snapshot", "sim-9*"), 4, "no device sim-9*"),
        (("snapshot", "sim-000"), 4, "did you mean sim-000"),
        (("snapshot", "--group", "west"), 4, "no device fits"),
        (("ls", "--nosuch"), 2, "--help"),
        (("session", "stop", "--all"), 2, "--yes"),
        (("ls", "--broker", "127.0.0.1:1"), 5, "cannot be reached"),
        (("ls", "--context", "nosuch"), 2, "no context"),
    ],
)
def test_exit_codes_and_reasons(
    lone: Ctl, simulate: Simulate, words: tuple[str, ...], code: int, said: str
) -> None:
    """Each way to fail has its code, and one line that says what to do."""
    simulate(2)
    result = lone(*words)
    assert (result.code, result.out) == (code, "")
    assert said in result.err


def test_dangerous_things_to_many_can_be_confirmed(lone: Ctl, simulate: Simulate) -> None:
    """With --yes a script may; one device alone needs none."""
    simulate(3)
    assert len(lone.ok("session", "stop", "--all", "--yes", "--json").json["ok"]) == 3
    lone.ok("session", "stop", "sim-0001")


def test_devices_that_left_are_known_and_not_waited_for(
    lone: Ctl, simulate: Simulate, stranger: Stranger
) -> None:
    """An offline device is expected, named, and does not hold up the others."""
    simulate(3)
    stranger.be_online("gone", state="offline", reason="connection_lost")
    began = time.monotonic()
    result = lone("ping", "--timeout", "20")
    assert time.monotonic() - began < 15
    assert result.code == 3
    assert "gone" in result.out
    assert "offline (connection lost)" in result.out
    assert lone("ls", "--json").json[0]["device"] == "gone"


def test_a_broker_that_forgot_is_asked_to_be_told_again(
    lone: Ctl, simulate: Simulate, stranger: Stranger
) -> None:
    """Without a single retained status, the devices say it all again, and are found."""
    simulate(20)
    for number in range(20):
        for channel in ("status", "health", "session", "info"):
            stranger.say(f"cinepi/sim-{number:04}/{channel}", b"")
    assert len(lone.ok("ls", "--json").json) == 20


def test_a_monitor_that_starts_in_the_middle_hears_the_rest(lone: Ctl, simulate: Simulate) -> None:
    """`events -f` begins with what happens next, as a stream of objects."""
    simulate(5, "--capture-s", "0.5")
    command = lone.command("events", "-f", "--json")
    with subprocess.Popen(command, env=lone.environment, stdout=subprocess.PIPE) as process:
        assert process.stdout
        lines = [process.stdout.readline() for _ in range(10)]
        process.terminate()
        assert process.wait(20) in (-15, 130)
    assert all(b'"type":"capture_stored"' in line for line in lines)


def test_watch_tells_of_events_that_did_not_come(lone: Ctl, stranger: Stranger) -> None:
    """A gap in the numbers of a device's events is a problem of that device."""
    stranger.be_online("leaky")
    command = lone.command("watch", "--json")
    with subprocess.Popen(command, env=lone.environment, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()  # from here on it listens
        for seq in (1, 5):
            event = {"seq": seq, "boot": "x", "at": "2026-01-01T00:00:00Z", "type": "gone"}
            stranger.say("cinepi/leaky/event/gone", event, retain=False)
        assert b"3 events not heard" in process.stdout.readline()
        process.terminate()


def test_a_new_monitor_of_many_loses_nothing(lone: Ctl, simulate: Simulate) -> None:
    """What default limits drop when asked for at once comes in slices, and doctor says so."""
    simulate(700)
    assert len(lone.ok("ls", "--json").json) == 700
    said = lone("doctor").out
    assert "700 devices known, 700 online" in said
    assert "max_queued_messages" in said


@pytest.mark.alone
def test_the_first_words_come_soon(lone: Ctl) -> None:
    """A person does not wait for a program to be loaded: little more than its library takes.

    `python -m benchmarks.cli` has the figures; on a busy machine only the ratio says something.
    """
    least = [sys.executable, "-c", "import argparse, asyncio, msgspec, paho.mqtt.client"]
    ours, theirs = [], []
    for _ in range(7):
        began = time.monotonic()
        subprocess.run(least, check=True)
        theirs.append(time.monotonic() - began)
        began = time.monotonic()
        assert lone("ls", "--broker", "127.0.0.1:1").code == 5
        ours.append(time.monotonic() - began)
    assert min(ours) < 2.5 * min(theirs)
