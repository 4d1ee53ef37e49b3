"""When the device is announced, and what is taken back."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from cinepi.clock import SystemClock
from cinepi.features import Feature
from cinepi.model.documents import CameraDocument
from cinepi.vigil import Vigil
from cinepid.config import HomeAssistantSettings
from cinepid.discovery.homeassistant import HomeAssistant
from cinepid.message import Incoming, Outgoing
from cinepid.payloads import InfoDocument
from cinepid.pulse import Pulse

_TOPIC = "homeassistant/device/garden-cam/config"
_BIRTH = Incoming(topic="homeassistant/status", payload=b"online")


class Broker:
    """Keeps what is published."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.heard: asyncio.Queue[Outgoing] = asyncio.Queue()

    def publish(self, message: Outgoing) -> Awaitable[None]:
        """Take a message at once."""
        self.heard.put_nowait(message)
        return asyncio.sleep(0)

    def topics(self) -> list[tuple[str, bool]]:
        """Topics published so far, each with whether it was filled."""
        taken = []
        while not self.heard.empty():
            message = self.heard.get_nowait()
            assert message.retain
            taken.append((message.topic, bool(message.payload)))
        return taken


@pytest.fixture
def make(tmp_path: Path, info: InfoDocument) -> Callable[..., HomeAssistant]:
    """Make the announcing part of a daemon that starts; always with the same memory."""

    def make_one(device: str = info.device, **settings: object) -> HomeAssistant:
        clock = SystemClock()
        return HomeAssistant(
            msgspec.convert(settings, HomeAssistantSettings),
            lambda: msgspec.structs.replace(info, device=device),
            tmp_path / "homeassistant.json",
            clock=clock,
            pulse=Pulse(Vigil(clock, pytest.fail)),
            luck=lambda: 0.0,
        )

    return make_one


@pytest.fixture
def camera(camera_features: tuple[Feature, ...]) -> CameraDocument:
    """A camera that answers."""
    return CameraDocument(connected=True, model="imx477", features=camera_features)


def test_the_first_announcement_waits_for_the_camera(
    make: Callable[..., HomeAssistant], camera: CameraDocument
) -> None:
    """A device that appears without its camera and grows a second later looks broken."""

    async def story() -> None:
        broker, announcer = Broker(), make()
        await announcer.announce(broker)
        assert not broker.topics()
        async with asyncio.timeout(3), asyncio.TaskGroup() as tasks:
            run = tasks.create_task(announcer.run(broker, lambda: asyncio.sleep(0)))
            announcer.on_camera(camera)
            message = await broker.heard.get()
            run.cancel()
        assert b"number_camera_iso" in message.payload

    asyncio.run(story())


def test_a_known_camera_need_not_be_waited_for(
    make: Callable[..., HomeAssistant], camera: CameraDocument
) -> None:
    """After a restart the device is announced with the camera that it had."""

    async def story() -> None:
        broker, announcer = Broker(), make()
        announcer.on_camera(camera)
        await announcer.announce(broker)
        await make().announce(broker)
        first, second = broker.heard.get_nowait(), broker.heard.get_nowait()
        assert first == second

    asyncio.run(story())


def test_a_birth_is_answered_and_states_are_said_again(
    make: Callable[..., HomeAssistant], camera: CameraDocument
) -> None:
    """Home Assistant may have forgotten everything."""

    async def story() -> None:
        broker, announcer = Broker(), make()
        said_again = asyncio.Event()

        async def say_again() -> None:
            said_again.set()

        announcer.on_camera(camera)
        await announcer.announce(broker)
        async with asyncio.timeout(3), asyncio.TaskGroup() as tasks:
            run = tasks.create_task(announcer.run(broker, say_again))
            assert announcer.hear(_BIRTH)
            await said_again.wait()
            run.cancel()
        assert broker.topics() == [(_TOPIC, True), (_TOPIC, True)]

    asyncio.run(story())


def test_other_messages_are_for_others(make: Callable[..., HomeAssistant]) -> None:
    """A command must reach whoever follows it."""
    assert not make().hear(Incoming(topic="cinepi/garden-cam/cmd/session/start", payload=b""))
    assert not make(enabled=False).hear(_BIRTH)
    assert not make(enabled=False).filters


def test_a_withdrawn_device_is_not_brought_back_by_a_birth(
    make: Callable[..., HomeAssistant], camera: CameraDocument
) -> None:
    """`system/forget` holds until the next connection."""

    async def story() -> None:
        broker, announcer = Broker(), make()
        announcer.on_camera(camera)
        await announcer.announce(broker)
        assert await announcer.withdraw(broker) == 1
        announcer.hear(_BIRTH)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await announcer.run(broker, lambda: asyncio.sleep(0))
        assert broker.topics() == [(_TOPIC, True), (_TOPIC, False)]
        await announcer.announce(broker)
        assert broker.topics() == [(_TOPIC, True)]

    asyncio.run(story())


def test_another_id_and_another_prefix_clear_the_old_place(
    make: Callable[..., HomeAssistant], camera: CameraDocument
) -> None:
    """No ghost of the old device stays in Home Assistant."""

    async def story() -> None:
        broker = Broker()
        announcer = make()
        announcer.on_camera(camera)
        await announcer.announce(broker)
        await make("shed").announce(broker)
        await make("shed", prefix="ha").announce(broker)
        await make("shed", enabled=False).announce(broker)
        shed = "homeassistant/device/shed/config"
        assert broker.topics() == [
            (_TOPIC, True),
            (_TOPIC, False),
            (shed, True),
            (shed, False),
            ("ha/device/shed/config", True),
            ("ha/device/shed/config", False),
        ]

    asyncio.run(story())


def test_an_announcement_under_way_does_not_undo_a_withdrawal(
    make: Callable[..., HomeAssistant], camera: CameraDocument
) -> None:
    """Not even one that was still clearing where the device had been announced before."""

    async def story() -> None:
        broker, announcer = Broker(), make()
        announcer.on_camera(camera)
        await announcer.announce(broker)
        moved = make(prefix="elsewhere")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(moved.announce(broker))
            await asyncio.sleep(0)
            await moved.withdraw(broker)
        said = dict(broker.topics())
        assert said == {_TOPIC: False, "elsewhere/device/garden-cam/config": False}

    asyncio.run(story())
