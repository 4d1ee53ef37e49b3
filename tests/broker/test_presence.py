"""Is the device there? What subscribers see when it comes, goes and crashes."""

import json
import signal
from collections.abc import Callable

import pytest

from tests.broker.running import (
    DEVICE,
    Operator,
    RunningBroker,
    RunningDaemon,
    wait_for,
)
from tests.service.running import RunningService


def test_it_is_online_when_all_state_is_there(
    start_operator: Callable[..., Operator],
    service: RunningService,  # noqa: ARG001 - its documents are part of the state
    start_daemon: Callable[..., RunningDaemon],
    broker: RunningBroker,
) -> None:
    """The order is: state, announcement, online, events."""
    first = start_operator()
    daemon = start_daemon()
    first.await_online()
    first.document("camera", connected=True)
    first.wait("config/schema")
    first.wait("health")
    daemon.process.send_signal(signal.SIGSTOP)  # so that it cannot be back before the operator
    broker.stop(forget=True)
    broker.start()
    operator = start_operator()
    daemon.process.send_signal(signal.SIGCONT)
    operator.await_online()
    channels = [m.topic.removeprefix(f"cinepi/{DEVICE}/") for m in operator.heard]
    online = channels.index("status")
    expected = {"info", "session", "camera", "config", "config/schema", "health"}
    assert expected <= set(channels[:online])
    announced = [m.topic for m in operator.heard].index(f"homeassistant/device/{DEVICE}/config")
    assert max(map(channels.index, expected)) < announced < online
    assert not any(channel.startswith("event/") for channel in channels[:online])


def test_every_retained_document_can_be_ordered(operator: Operator) -> None:
    """Each has a time, a run and a number that grows."""
    operator.wait("health")
    documents = {
        m.topic: m.json
        for m in operator.heard
        if m.topic.startswith(f"cinepi/{DEVICE}/") and m.payload.startswith(b'{"at"')
    }
    channels = {topic.removeprefix(f"cinepi/{DEVICE}/") for topic in documents}
    assert {"status", "info", "session", "camera", "config", "health"} <= channels
    assert len({document["boot"] for document in documents.values()}) == 1
    numbers = [document["seq"] for document in documents.values()]
    assert len(set(numbers)) == len(numbers)


def test_numbers_grow_over_a_restart(
    operator: Operator,
    start_daemon: Callable[..., RunningDaemon],
    daemons: list[RunningDaemon],
) -> None:
    """A reader can keep the newest without knowing of restarts."""
    before = operator.await_online()
    operator.publish(f"cinepi/{DEVICE}/cmd/system/ping", b"")
    daemons[-1].process.kill()
    start_daemon()  # at once, while the first may still be ending
    after = wait_for(lambda: (d := operator.newest("status")) and d["boot"] != before["boot"] and d)
    assert after["seq"] > before["seq"]


def test_a_clean_stop_says_so(
    start_operator: Callable[..., Operator],
    start_daemon: Callable[..., RunningDaemon],
) -> None:
    """Stopped on purpose is not lost."""
    operator = start_operator()
    daemon = start_daemon()
    operator.await_online()
    daemon.terminate()
    status = operator.document("status", state="offline")
    assert status["reason"] == "shutdown"


def test_a_quick_restart_after_a_crash_is_not_seen(
    start_operator: Callable[..., Operator],
    start_daemon: Callable[..., RunningDaemon],
) -> None:
    """The will waits longer than a restart takes."""
    operator = start_operator()
    start_daemon().kill()
    daemon = start_daemon()
    operator.await_online()
    daemon.kill()
    start_daemon()
    wait_for(lambda: len({m.json["boot"] for m in operator.heard if _is_status(m.topic)}) >= 2)
    assert {m.json["state"] for m in operator.heard if _is_status(m.topic)} == {"online"}


def test_a_crash_is_told_by_the_broker(
    start_operator: Callable[..., Operator],
    start_daemon: Callable[..., RunningDaemon],
) -> None:
    """A daemon that is gone for good is reported lost, with the run that was lost."""
    operator = start_operator()
    daemon = start_daemon()
    online = operator.await_online()
    daemon.kill()
    status = wait_for(
        lambda: (d := operator.newest("status")) and d["state"] == "offline" and d, limit=40
    )
    assert status["reason"] == "connection_lost"
    assert status["boot"] == online["boot"]
    assert status["seq"] > online["seq"]


def test_a_late_offline_is_contradicted(operator: Operator) -> None:
    """Whatever says that a living device is gone does not stay."""
    stray = {**operator.await_online(), "state": "offline", "boot": "00000000"}
    operator.forget()
    operator.publish(f"cinepi/{DEVICE}/status", json.dumps(stray), retain=True)
    operator.wait("status", lambda message: message.json["state"] == "offline")
    assert operator.document("status", state="online")["boot"] != "00000000"


@pytest.mark.parametrize("untrue", ["offline", "nothing"])
def test_what_is_not_true_never_stays(operator: Operator, untrue: str) -> None:
    """However often it is said, and also where somebody has cleared the topic."""
    online = operator.await_online()
    said = {"nothing": b"", "offline": json.dumps({**online, "state": "offline"})}
    for _ in range(3):
        operator.publish(f"cinepi/{DEVICE}/status", said[untrue], retain=True)
        operator.sync()
    newest = f"cinepi/{DEVICE}/status"
    wait_for(
        lambda: b'"online"' in next(m.payload for m in operator.heard[::-1] if m.topic == newest)
    )


def test_a_broker_that_forgot_is_told_again(
    operator: Operator, broker: RunningBroker, start_operator: Callable[..., Operator]
) -> None:
    """After a restart without memory all retained state is there again."""
    broker.stop(forget=True)
    broker.start()
    newcomer = start_operator()
    newcomer.await_online()
    for channel in ("info", "session", "camera", "config", "health"):
        newcomer.wait(channel)
    operator.close()


def test_republish_says_everything_again(operator: Operator) -> None:
    """For readers and clusters that have lost it."""
    operator.wait("health")
    operator.forget()
    count = operator.ask("system/republish")["data"]["topics"]
    channels = {m.topic for m in operator.heard if m.topic.startswith(f"cinepi/{DEVICE}/")}
    retained = {topic for topic in channels if "/response/" not in topic and "/cmd/" not in topic}
    assert len(retained) >= count >= 6


def test_forget_leaves_nothing_behind(
    operator: Operator, start_operator: Callable[..., Operator]
) -> None:
    """A device that is taken away does not haunt the broker."""
    operator.wait("health")
    assert operator.ask("system/forget")["success"]
    newcomer = start_operator()
    newcomer.sync()
    left = [
        m.topic for m in newcomer.heard if "/response/" not in m.topic and "/cmd/" not in m.topic
    ]
    assert left == []
    assert newcomer.ask("system/republish")["success"]
    newcomer.document("status", state="online")


def test_a_second_device_of_the_same_name_is_noticed(operator: Operator) -> None:
    """Its online on our topic is reported, with what to do."""
    rival = {**operator.await_online(), "boot": "ffffffff"}
    operator.publish(f"cinepi/{DEVICE}/status", json.dumps(rival), retain=True)
    operator.sync()
    checks = operator.ask("health/check")["data"]["checks"]
    assert checks["mqtt"]["state"] == "degraded"
    assert "another id" in checks["mqtt"]["reason"]


def _is_status(topic: str) -> bool:
    return topic == f"cinepi/{DEVICE}/status"
