"""A retained command is a replay, not a request: it is refused, explained once, and cleared."""

from collections.abc import Callable
from contextlib import ExitStack

from tests.broker.running import DEVICE, Operator, RunningBroker, RunningDaemon, wait_for
from tests.broker.stony import SomeHangUps
from tests.service.running import RunningService

TOPIC = f"cinepi/{DEVICE}/cmd/snapshot/take"


def _is_cleared(start_operator: Callable[..., Operator]) -> bool:
    """Whether a newcomer finds nothing on the command's topic."""
    newcomer = start_operator()
    newcomer.wait("status")  # retained messages come in one go
    return not [m for m in newcomer.heard if m.topic == TOPIC and m.payload]


def test_one_from_before_the_connection(
    start_operator: Callable[..., Operator],
    service: RunningService,
    start_daemon: Callable[..., RunningDaemon],
) -> None:
    """It takes no picture, is answered once, and is gone from the broker."""
    operator = start_operator()
    operator.send("snapshot/take", {"id": "old"}, retain=True)
    start_daemon()
    error = operator.answer("snapshot/take", id="old")["error"]
    assert error["code"] == "retained_command"
    assert "retain" in error["message"]
    operator.await_online()
    operator.sync()
    assert service.pictures() == []
    wait_for(lambda: _is_cleared(start_operator))


def test_one_that_comes_while_connected(operator: Operator, service: RunningService) -> None:
    """The flag is seen on live messages too, again and again."""
    for _ in range(3):
        operator.send("snapshot/take", {"id": "live"}, retain=True)
        operator.sync()
    assert service.pictures() == []
    assert len(operator.answers("snapshot/take")) == 1
    assert operator.newest("cmd/snapshot/take") is None


def test_one_for_all_devices_is_left_to_its_sender(
    operator: Operator, service: RunningService
) -> None:
    """It is refused, but a fleet does not clear it a thousand times over."""
    operator.send("snapshot/take", {"id": "all"}, to="_all", retain=True)
    operator.answer("snapshot/take")
    operator.sync()
    assert service.pictures() == []
    cleared = [m for m in operator.heard if m.topic.startswith("cinepi/_all") and not m.payload]
    assert cleared == []


def test_the_same_command_without_retain_works(operator: Operator) -> None:
    """Nothing sticks: the next proper command is done."""
    operator.send("snapshot/take", {"id": "kept"}, retain=True)
    operator.answer("snapshot/take")
    operator.forget()
    assert operator.ask("snapshot/take", id="proper")["success"]


def test_before_mqtt_5_clearing_one_for_all_is_no_button(
    broker: RunningBroker,
    start_operator: Callable[..., Operator],
    service: RunningService,
    start_daemon: Callable[..., RunningDaemon],
    cleanup: ExitStack,
) -> None:
    """The flag is gone when it comes; but something lay there, and now a button works again."""
    proxy = SomeHangUps(broker.port)
    proxy.is_down = True
    cleanup.callback(proxy.close)
    operator = start_operator()
    operator.send("snapshot/take", {"id": "lies"}, to="_all", retain=True)
    start_daemon(broker={"port": proxy.port})
    operator.document("info", protocol="3.1.1")
    assert operator.answer("snapshot/take")["error"]["code"] == "retained_command"
    operator.await_online()
    operator.send("snapshot/take", to="_all", retain=True)
    operator.ask("camera/set", iso=200)  # behind whatever uses the camera
    assert service.pictures() == []
    operator.send("snapshot/take", to="_all")
    wait_for(service.pictures)
