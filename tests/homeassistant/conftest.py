"""One Home Assistant, one broker and one device for all tests; every test leaves them well."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.homeassistant.harness.broker import Broker
from tests.homeassistant.harness.client import Client, wait_until
from tests.homeassistant.harness.device import Device
from tests.homeassistant.harness.instance import Instance

_ROOT = os.environ.get("HOMEASSISTANT_ROOT")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without a Home Assistant there is nothing to test against, and each test may take long."""
    for item in items:
        if "homeassistant" in item.path.parts:
            item.add_marker(pytest.mark.timeout(240))
            if not _ROOT:
                item.add_marker(pytest.mark.skip(reason="run make test-homeassistant"))


@pytest.fixture(scope="session")
def root() -> Path:
    """Where scripts/homeassistant-build has put Home Assistant."""
    return Path(_ROOT or "")


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """The broker of the house."""
    broker = Broker(tmp_path_factory.mktemp("broker"))
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture(scope="session")
def instance(
    root: Path, broker: Broker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Instance]:
    """The Home Assistant of the house."""
    instance = Instance(root, tmp_path_factory.mktemp("house"), broker.port)
    instance.start()
    yield instance
    instance.stop()


@pytest.fixture(scope="session")
def house(instance: Instance) -> Client:
    """What a person in front of Home Assistant can see and do."""
    return instance.client


@pytest.fixture(scope="session")
def garden(
    instance: Instance, broker: Broker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Device]:
    """A device called `garden`, known to Home Assistant and with its health told."""
    device = Device(tmp_path_factory.mktemp("garden"), broker)
    device.start()
    known = ("sensor.garden_disk_free", "number.garden_iso", "sensor.garden_session_state")
    for entity in known:
        wait_until(
            lambda entity=entity: (
                instance.client.value(entity)  # type: ignore[misc]
                not in (None, "unknown", "unavailable")
            ),
            f"a value of {entity}",
        )
    yield device
    device.stop()


@pytest.fixture(autouse=True)
def _no_complaints(request: pytest.FixtureRequest) -> Iterator[None]:
    """Home Assistant's log must stay without a warning, whatever a test does."""
    yield
    if "instance" in request.fixturenames:
        instance: Instance = request.getfixturevalue("instance")
        assert not instance.complaints()
