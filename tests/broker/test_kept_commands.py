"""Commands that a broker kept while the device was away: too old, however many there are."""

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from cinepid.commands._dispatch import MAX_TASKS
from tests.broker.running import Operator, RunningBroker, RunningDaemon, wait_for
from tests.broker.stony import SomeHangUps

KEPT = 150
"""More than any broker sends before it has acknowledgements."""


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize("protocol", ["5.0", "3.1.1"])
def test_all_of_a_long_queue_are_too_old(
    protocol: str,
    broker: RunningBroker,
    start_operator: Callable[..., Operator],
    start_daemon: Callable[..., RunningDaemon],
    cleanup: ExitStack,
) -> None:
    """Also those that come after the device is online; then a new one is done."""
    proxy = SomeHangUps(broker.port)
    proxy.is_down = protocol == "3.1.1"
    cleanup.callback(proxy.close)
    operator = start_operator()
    daemon = start_daemon(broker={"port": proxy.port})
    operator.document("info", protocol=protocol)
    operator.await_online()
    daemon.kill()
    for number in range(KEPT):
        operator.send("snapshot/take", {"id": f"kept-{number}"})
    start_daemon(broker={"port": proxy.port})
    wait_for(lambda: len(operator.answers("snapshot/take")) == KEPT)
    codes = Counter(
        "done" if answer["success"] else answer["error"]["code"]
        for answer in operator.answers("snapshot/take")
    )
    assert codes == {"expired": KEPT}
    assert operator.events("capture_stored") == []
    assert operator.ask("snapshot/take")["success"]


@pytest.mark.usefixtures("service")
def test_each_of_more_than_can_be_in_work_is_answered_once(
    start_operator: Callable[..., Operator],
    start_daemon: Callable[..., RunningDaemon],
) -> None:
    """Some brokers send all that they kept at once; what is too much is told that it is busy."""
    operator = start_operator()
    daemon = start_daemon()
    operator.await_online()
    daemon.kill()
    for number in range(MAX_TASKS + KEPT):
        operator.send("snapshot/take", {"id": f"kept-{number}"})
    start_daemon()
    wait_for(lambda: len(operator.answers("snapshot/take")) >= MAX_TASKS + KEPT)
    operator.sync()
    answers = operator.answers("snapshot/take")
    assert len(answers) == len({answer["id"] for answer in answers}) == MAX_TASKS + KEPT
    assert {answer["error"]["code"] for answer in answers} <= {"expired", "busy"}
