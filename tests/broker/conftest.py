"""A device in pieces: broker, camera service, daemon and an operator, each real and on its own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.broker.contract import judge_all
from tests.broker.running import Operator, RunningBroker, RunningDaemon
from tests.service.running import RunningService


@pytest.fixture(autouse=True)
def _everything_said_is_in_the_contract() -> Iterator[None]:
    """Whatever an operator hears in a test must be as the AsyncAPI document says."""
    judge_all()
    yield
    assert judge_all() == []


@pytest.fixture
def cleanup() -> Iterator[ExitStack]:
    """Ends everything that a test has started, the last first."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def broker(tmp_path: Path, cleanup: ExitStack) -> RunningBroker:
    """A mosquitto."""
    broker = RunningBroker(tmp_path / "broker")
    cleanup.callback(broker.stop)
    broker.start()
    return broker


@pytest.fixture
def start_service(tmp_path: Path, cleanup: ExitStack) -> Callable[[], RunningService]:
    """Starts camera services, one after the other, below one root."""

    def start() -> RunningService:
        service = RunningService.start(tmp_path)
        cleanup.callback(service.close)
        return service

    return start


@pytest.fixture
def service(start_service: Callable[[], RunningService]) -> RunningService:
    """A camera service on the simulated camera."""
    return start_service()


@pytest.fixture
def daemons() -> list[RunningDaemon]:
    """All daemons that the test has started, the newest last."""
    return []


@pytest.fixture
def start_daemon(
    tmp_path: Path, broker: RunningBroker, cleanup: ExitStack, daemons: list[RunningDaemon]
) -> Callable[..., RunningDaemon]:
    """Starts daemons, one after the other, below the same root."""

    def start(**settings: dict[str, object]) -> RunningDaemon:
        daemon = RunningDaemon.start(tmp_path, broker.port, **settings)
        daemons.append(daemon)
        cleanup.callback(daemon.kill)
        return daemon

    return start


@pytest.fixture
def start_operator(broker: RunningBroker, cleanup: ExitStack) -> Callable[..., Operator]:
    """Connects operators to the broker."""

    def start(client_id: str = "") -> Operator:
        operator = Operator(broker.port, client_id=client_id)
        cleanup.callback(operator.close)
        return operator

    return start


@pytest.fixture
def operator(
    start_operator: Callable[..., Operator],
    service: RunningService,  # noqa: ARG001 - it is a device without one, too
    start_daemon: Callable[..., RunningDaemon],
) -> Operator:
    """Somebody who sees a whole device online."""
    operator = start_operator()
    start_daemon()
    operator.await_online()
    operator.document("camera", connected=True)
    return operator


@pytest.fixture(scope="module")
def garden(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Operator, RunningService]]:
    """A device that the tests of a module share, since they leave it as they found it."""
    folder = tmp_path_factory.mktemp("garden")
    with ExitStack() as stack:
        broker = RunningBroker(folder / "broker")
        stack.callback(broker.stop)
        broker.start()
        service = RunningService.start(folder)
        stack.callback(service.close)
        operator = Operator(broker.port)
        stack.callback(operator.close)
        daemon = RunningDaemon.start(
            folder, broker.port, device={"groups": ["roof"], "tags": ["north"]}
        )
        stack.callback(daemon.kill)
        operator.await_online()
        operator.document("camera", connected=True)
        yield operator, service


@pytest.fixture
def shared(garden: tuple[Operator, RunningService]) -> Operator:
    """The operator of the shared device, who has forgotten all that was before."""
    operator, _ = garden
    operator.sync()
    operator.forget()
    return operator


@pytest.fixture
def shared_service(garden: tuple[Operator, RunningService]) -> RunningService:
    """The camera service of the shared device."""
    return garden[1]
