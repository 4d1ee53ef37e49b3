"""How a device takes its leave."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from cinepi.clock import SystemClock
from cinepid.config import BrokerSettings, DaemonConfig, DeviceSettings
from cinepid.connection import Connection
from cinepid.device import Device
from cinepid.memory import Memory
from cinepid.message import Filter, Incoming, Outgoing
from cinepid.presence import Presence
from cinepid.publishers.state import RetainedState
from cinepid.uplink import Uplink


class _Slow:
    """A connection whose broker acknowledges only when it is told to."""

    def __init__(self) -> None:
        self.said: list[Outgoing] = []
        self.sent: list[asyncio.Future[None]] = []
        self.ends: list[str] = []

    def publish(self, message: Outgoing) -> Awaitable[None]:
        self.said.append(message)
        self.sent.append(asyncio.get_running_loop().create_future())
        return self.sent[-1]

    async def subscribe(self, filters: Sequence[Filter]) -> None:
        """Take any."""

    def close(self) -> None:
        self.ends.append("goodbye")

    def drop(self, error: Exception) -> None:
        self.ends.append(f"dropped: {error}")


@pytest.fixture
def make(tmp_path: Path) -> Callable[[], Presence]:
    """Makes the presence of a device that has introduced itself."""

    def make_one() -> Presence:
        clock, memory = SystemClock(), Memory(tmp_path / "state.db")
        device = Device.of(DaemonConfig(device=DeviceSettings(id="garden")), memory, clock)
        state = RetainedState(device, cast("Uplink", None), memory, clock)
        presence = Presence(device, BrokerSettings(), state, clock)
        presence.hello()
        return presence

    return make_one


def test_a_goodbye_that_is_not_heard_leaves_the_word_to_the_will(
    make: Callable[[], Presence], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a DISCONNECT the broker would drop the will, and the device be online for ever."""
    monkeypatch.setattr("cinepid.presence.GOODBYE_LIMIT", 0.01)

    async def story() -> None:
        connection: Any = _Slow()
        await make().goodbye(cast("Connection", connection))
        assert connection.ends[0].startswith("dropped")

    asyncio.run(story())


def test_nobody_says_online_after_goodbye(make: Callable[[], Presence]) -> None:
    """All may be said again just now, because Home Assistant has started."""

    async def story() -> None:
        connection, presence = cast("Any", _Slow()), make()
        leaving = asyncio.create_task(presence.goodbye(connection))
        await asyncio.sleep(0)
        again = asyncio.create_task(presence.say_again(connection))
        await asyncio.sleep(0)
        for sent in connection.sent:
            sent.set_result(None)
        await leaving
        again.cancel()
        assert b'"offline"' in connection.said[-1].payload
        assert connection.ends == ["goodbye"]

    asyncio.run(story())


@pytest.mark.parametrize("payload", [b'{"state":"\xff"}', b'{"x":' * 100_000, b"[", b"1"])
def test_a_status_that_nobody_can_read_is_contradicted(
    make: Callable[[], Presence], payload: bytes
) -> None:
    """Whatever a stranger has left there, readers are told the truth again."""

    async def hear() -> list[Outgoing]:
        presence, slow = make(), _Slow()
        connection = cast("Connection", slow)
        saying = asyncio.create_task(presence.say_again(connection))
        await asyncio.sleep(0)
        slow.sent[0].set_result(None)
        await saying
        presence.hear_status(Incoming(topic="t", payload=payload), connection)
        return slow.said

    said = asyncio.run(hear())
    assert len(said) == 2
    assert said[0] == said[1]


class _Waiting:
    """An announcer that takes its time."""

    filters = ()

    def __init__(self) -> None:
        self.has_begun = asyncio.Event()
        self.may_end = asyncio.Event()

    def hear(self, message: Incoming) -> bool:  # noqa: ARG002
        return False

    async def announce(self, connection: Connection) -> None:  # noqa: ARG002
        self.has_begun.set()
        await self.may_end.wait()

    async def withdraw(self, connection: Connection) -> int:  # noqa: ARG002
        return 0


def test_what_is_forgotten_is_not_said_by_a_repeat_that_was_under_way(
    make: Callable[[], Presence],
) -> None:
    """Nor by one that waited meanwhile; only by one that somebody asks for."""

    async def forget() -> list[bytes]:
        presence, slow, announcer = make(), _Slow(), _Waiting()
        presence.announcers.append(announcer)
        connection = cast("Connection", slow)
        work = [asyncio.create_task(presence.refresh(connection))]
        await announcer.has_begun.wait()
        work.append(asyncio.create_task(presence.forget(connection)))  # type: ignore[arg-type]
        work.append(asyncio.create_task(presence.refresh(connection)))
        announcer.may_end.set()
        while not all(task.done() for task in work):
            for sent in slow.sent:
                if not sent.done():
                    sent.set_result(None)
            await asyncio.sleep(0)
        return [message.payload for message in slow.said]

    first, last = asyncio.run(forget())
    assert first
    assert last == b""


def test_a_new_connection_is_contradicted_at_once(make: Callable[[], Presence]) -> None:
    """Also while the one before, where that had just been done, would have been due again."""

    async def say(presence: Presence) -> _Slow:
        slow = _Slow()
        connection = cast("Connection", slow)
        saying = asyncio.create_task(presence.say_again(connection))
        await asyncio.sleep(0)
        slow.sent[0].set_result(None)
        await saying
        presence.hear_status(Incoming(topic="t", payload=b""), connection)
        return slow

    async def story() -> None:
        presence = make()
        first = await say(presence)
        presence.hello()
        second = await say(presence)
        assert len(first.said) == len(second.said) == 2

    asyncio.run(story())


def test_a_birth_waits_for_what_still_forgets(make: Callable[[], Presence]) -> None:
    """Else the device would be silent on its new connection, or online though forgotten."""

    async def story() -> None:
        presence, slow, announcer = make(), _Slow(), _Waiting()
        presence.announcers.append(announcer)
        connection = cast("Connection", slow)
        birth = asyncio.create_task(presence.birth(connection))
        await announcer.has_begun.wait()
        forget = asyncio.create_task(presence.forget(connection))
        announcer.may_end.set()
        while not (birth.done() and forget.done()):
            for sent in slow.sent:
                if not sent.done():
                    sent.set_result(None)
            await asyncio.sleep(0)
        assert [bool(message.payload) for message in slow.said] == [True, False]

    asyncio.run(story())
