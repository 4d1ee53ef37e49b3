"""The way to a broker where it is stony."""

import asyncio
import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from cinepid.connection import Connection
from cinepid.errors import ConnectError
from cinepid.message import Hello, Server
from tests.broker.running import Operator, RunningBroker, RunningDaemon, wait_for
from tests.broker.stony import SomeHangUps
from tests.faults.proxy import Proxy


def test_a_name_that_is_found_too_late_throws_nobody_out(
    broker: RunningBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An attempt that was given up must not greet the broker under our name any more."""
    find, is_found, is_over = socket.getaddrinfo, threading.Event(), threading.Event()

    def find_late(*arguments: Any, **options: Any) -> Any:
        if threading.current_thread().name == "cinepid-connect" and not is_over.is_set():
            is_over.set()
            is_found.wait(10)
        return find(*arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", find_late)
    monkeypatch.setattr("cinepid.connection.CONNECT_LIMIT", 0.5)
    server, hello = Server("127.0.0.1", broker.port), Hello(client_id="cinepid-garden")

    async def story() -> None:
        with pytest.raises(ConnectError):
            await Connection.open(server, hello, lambda _: None)
        monkeypatch.setattr("cinepid.connection.CONNECT_LIMIT", 10.0)
        second = await Connection.open(server, hello, lambda _: None)
        is_found.set()
        await asyncio.wait([second.lost], timeout=1)
        assert not second.lost.done()
        second.close()

    asyncio.run(story())


def test_a_broker_that_was_down_twice_is_not_thought_old(
    broker: RunningBroker,
    start_operator: Callable[..., Operator],
    start_daemon: Callable[..., RunningDaemon],
    cleanup: ExitStack,
) -> None:
    """It has spoken MQTT 5 in between, so it hung up for another reason."""
    proxy = SomeHangUps(broker.port)
    cleanup.callback(proxy.close)
    operator = start_operator()
    proxy.is_down = True
    start_daemon(broker={"port": proxy.port})
    for is_down, protocol in ((False, "3.1.1"), (True, "5.0"), (False, "3.1.1"), (False, "5.0")):
        operator.document("info", protocol=protocol)
        operator.await_online()
        operator.forget()
        proxy.is_down = is_down
        proxy.cut()


def test_what_another_broker_kept_meanwhile_is_old(
    tmp_path: Path,
    broker: RunningBroker,
    start_operator: Callable[..., Operator],
    start_daemon: Callable[..., RunningDaemon],
    cleanup: ExitStack,
) -> None:
    """That the device was online elsewhere makes no command young."""
    other = RunningBroker(tmp_path / "other")
    cleanup.callback(other.stop)
    other.start()
    operator = start_operator()
    proxy = Proxy(broker.port)
    cleanup.callback(proxy.close)
    servers = [f"127.0.0.1:{proxy.port}", f"127.0.0.1:{other.port}"]
    start_daemon(broker={"servers": servers})
    operator.await_online()
    proxy.set_mood("hang_up")
    elsewhere = Operator(other.port)
    cleanup.callback(elsewhere.close)
    elsewhere.await_online()
    operator.send("camera/get", {"id": "old", "ttl_s": 1})
    elsewhere.sync()
    wait_for(lambda: not asyncio.run(asyncio.sleep(1.5)))  # older than its time to live
    proxy.set_mood("forward")
    other.stop()
    assert operator.answer("camera/get", id="old")["error"]["code"] == "expired"
