"""Commands before anything is done: read, judged, queued, remembered."""

import asyncio
import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cinepi.clock import SteeredClock
from cinepi.errors import BusyError, CinepiError, ExpiredError
from cinepi.model.documents import CameraDocument
from cinepi.protocol import Params
from cinepid.commands._age import last_moment
from cinepid.commands._lanes import LENGTH, Lanes
from cinepid.commands._once import MAX_ENTRIES, MEMORY, Once
from cinepid.commands._registry import commands
from cinepid.commands._request import Refusal, Request, read
from cinepid.message import Incoming
from cinepid.payloads import Answer
from cinepid.topics import Address, build


def _incoming(command: str, payload: object = b"", **facts: object) -> tuple[Incoming, Address]:
    address = Address(device="garden", channel="cmd", path=tuple(command.split("/")))
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    message = Incoming(topic=build(address), payload=data, **facts)  # type: ignore[arg-type]
    return message, address


def _request(command: str, payload: object = b"", **facts: object) -> Request:
    request = read(*_incoming(command, payload, **facts))
    assert isinstance(request, Request), request.error
    return request


@pytest.mark.parametrize(
    ("camera", "words"),
    [
        (CameraDocument(connected=True), "Camera restarted"),
        (CameraDocument(connected=True, problem="it is on trial"), "it is on trial"),
        (CameraDocument(), "did not come back"),
    ],
)
def test_a_restart_says_no_more_than_is_so(camera: CameraDocument, words: str) -> None:
    """A camera that is open again need not be well."""
    say = commands()["camera/restart"].say
    assert words in say(camera)


def test_every_promised_command_is_there() -> None:
    """The table of the contract."""
    groups: dict[str, set[str]] = {}
    for name in commands():
        group, verb = name.split("/")
        groups.setdefault(group, set()).add(verb)
    assert groups == {
        "session": {"start", "stop", "pause", "resume", "get", "set"},
        "camera": {"get", "set", "restart"},
        "snapshot": {"take"},
        "captures": {"list", "get", "delete", "accept"},
        "config": {
            "get",
            "schema",
            "patch",
            "replace",
            "validate",
            "backup",
            "backups",
            "restore",
            "recover",
        },
        "events": {"replay"},
        "logs": {"recent"},
        "health": {"check"},
        "system": {"ping", "republish", "forget", "groups"},
    }


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_command_refuses_what_it_does_not_know(name: str) -> None:
    """Arguments are a type that forbids unknown keys, and the summary is a sentence."""
    command = commands()[name]
    assert issubclass(command.arguments, Params)
    assert command.summary.endswith(".")
    refusal = read(*_incoming(name, {"no_such_argument": 1}))
    assert isinstance(refusal, Refusal)
    assert refusal.error.field == "/no_such_argument"


def test_only_harmless_commands_are_taken_from_all() -> None:
    """As the contract lists them, and republish, which readers of a fleet need."""
    assert {name for name, command in commands().items() if command.is_broadcast} == {
        "system/ping",
        "system/republish",
        "snapshot/take",
        "session/start",
        "session/stop",
        "config/validate",
    }


def test_stopping_is_right_at_any_age() -> None:
    """It is the one command that never expires by itself, of those that change a session."""
    assert commands()["session/stop"].max_age_s is None
    assert commands()["snapshot/take"].max_age_s == 30
    assert commands()["session/start"].max_age_s == 60


@given(st.binary(max_size=200), st.lists(st.text(max_size=12), max_size=4))
def test_nothing_breaks_the_reader(payload: bytes, path: list[str]) -> None:
    """Any bytes on any command topic are a request or a refusal with a stable code."""
    for levels in (tuple(path), ("session", "start"), ("session", "set"), ("camera", "set")):
        address = Address(device="garden", channel="cmd", path=levels)
        found = read(Incoming(topic="t", payload=payload), address)
        if isinstance(found, Refusal):
            assert isinstance(found.error, CinepiError)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    )
)
def test_no_json_breaks_the_reader(value: object) -> None:
    """Nor does anything that is JSON."""
    data = json.dumps({"id": value, "settings": value, "iso": value, "ttl_s": value}).encode()
    found = read(*_incoming("camera/set", data))
    assert isinstance(found, Refusal)


def test_the_fingerprint_is_of_what_is_asked_for() -> None:
    """Not of the order of keys, nor of id and expiry."""
    first = _request("session/start", {"interval": 5, "count": 2, "id": "a", "ttl_s": 3})
    second = _request("session/start", {"count": 2, "interval": 5, "id": "b"})
    third = _request("session/start", {"count": 3, "interval": 5, "id": "a"})
    assert first.fingerprint == second.fingerprint != third.fingerprint


def test_a_command_without_id_gets_one_that_can_be_found() -> None:
    """By packet id and content, when the broker delivers it again."""
    first = _request("snapshot/take", mid=7, qos=1)
    again = _request("snapshot/take", mid=7, qos=1, dup=True)
    assert first.id.startswith("auto-7-")
    assert first.auto_prefix == again.auto_prefix
    assert first.id != again.id


@pytest.fixture
def clock(tmp_path: Path) -> SteeredClock:
    """A clock that is set."""
    path = tmp_path / "clock.json"
    path.write_text("{}")
    return SteeredClock(path)


@pytest.mark.parametrize(
    ("command", "arguments", "age", "is_done"),
    [
        ("snapshot/take", {}, 0.0, True),
        ("snapshot/take", {}, 29.0, True),
        ("snapshot/take", {}, 31.0, False),
        ("snapshot/take", {}, None, False),
        ("snapshot/take", {"ttl_s": 5}, 6.0, False),
        ("session/stop", {}, None, True),
        ("session/stop", {}, 9999.0, True),
        ("session/stop", {"ttl_s": 5}, 6.0, False),
        ("system/ping", {}, None, True),
    ],
)
def test_what_has_been_lying_about_is_not_done(
    clock: SteeredClock,
    command: str,
    arguments: dict[str, object],
    age: float | None,
    is_done: bool,  # noqa: FBT001
) -> None:
    """The longest possible age counts, and an unknown one is too old."""
    request = _request(command, arguments, longest_age_s=age)
    if is_done:
        last_moment(request, clock)
    else:
        with pytest.raises(ExpiredError):
            last_moment(request, clock)


def test_the_earliest_limit_holds(clock: SteeredClock) -> None:
    """Of the sender's, the broker's and our own."""
    now = clock.monotonic()
    request = _request("snapshot/take", {"ttl_s": 20}, expires_at=now + 3)
    last, warnings = last_moment(request, clock)
    assert last == now + 3
    assert warnings == ()


def test_a_full_lane_is_busy() -> None:
    """The next one is told so; when there is room, it is let in."""

    async def scenario() -> None:
        lanes = Lanes()
        blocking = asyncio.Event()
        order: list[int] = []

        async def occupy(number: int) -> None:
            async with lanes.place("camera"):
                order.append(number)
                await blocking.wait()

        tasks = [asyncio.create_task(occupy(number)) for number in range(LENGTH)]
        await asyncio.sleep(0)
        with pytest.raises(BusyError):
            async with lanes.place("camera"):
                pass
        async with lanes.place("session"):
            pass
        blocking.set()
        await asyncio.gather(*tasks)
        assert order == list(range(LENGTH))
        async with lanes.place("camera"):
            pass

    asyncio.run(scenario())


def test_only_lately_and_only_so_many_are_remembered() -> None:
    """Ten minutes, a thousand commands; one that still runs is not forgotten."""

    async def scenario() -> None:
        once = Once()
        for number in range(MAX_ENTRIES + 10):
            once.begin(f"id-{number}", "f", float(number) / 1000, is_recorded=False)
            once.finish(f"id-{number}", Answer(id="", command="", final=True))
        assert once.find("id-0") is None
        assert once.find(f"id-{MAX_ENTRIES + 9}") is not None
        once.begin("running", "f", 2.0, is_recorded=True)
        once.begin("later", "f", 2 * MEMORY, is_recorded=True)
        assert once.find(f"id-{MAX_ENTRIES + 9}") is None
        assert once.find("running") is not None

    asyncio.run(scenario())


def test_answers_that_are_remembered_are_bounded_in_size() -> None:
    """A memory of large answers gives up the oldest."""

    async def scenario() -> None:
        once = Once()
        large = Answer(id="", command="", final=True, data=msgspec.Raw(b'"' + b"x" * 60_000 + b'"'))
        for number in range(100):
            once.begin(f"id-{number}", "f", 0.0, is_recorded=False)
            once.finish(f"id-{number}", large)
        kept = [number for number in range(100) if once.find(f"id-{number}")]
        assert kept[-1] == 99
        assert len(kept) < 25

    asyncio.run(scenario())


def test_one_that_runs_long_lets_the_others_be_forgotten() -> None:
    """A deletion of five minutes is no reason to keep a flood of questions."""

    async def scenario() -> None:
        once = Once()
        once.begin("long", "f", 0.0, is_recorded=True)
        for number in range(2 * MAX_ENTRIES):
            once.begin(f"id-{number}", "f", float(number) / 1000, is_recorded=False)
            once.finish(f"id-{number}", Answer(id="", command="", final=True))
        kept = [number for number in range(2 * MAX_ENTRIES) if once.find(f"id-{number}")]
        assert len(kept) < MAX_ENTRIES
        assert once.find("long") is not None

    asyncio.run(scenario())
