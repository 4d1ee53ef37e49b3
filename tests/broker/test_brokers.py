"""Brokers as they are: dead, silent, picky, small, encrypted, or shared with a rival."""

import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tests.broker.running import (
    DEVICE,
    Operator,
    RunningBroker,
    RunningDaemon,
    listens,
    wait_for,
)
from tests.machine import free_port
from tests.service.running import RunningService

OLD_BROKER = """\
id = 0
[router]
id = 0
max_connections = 100
max_outgoing_packet_count = 200
max_segment_size = 104857600
max_segment_count = 4
[v4.1]
name = "v4"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1
[v4.1.connections]
connection_timeout_ms = 10000
max_payload_size = 1048576
max_inflight_count = 200
dynamic_filters = true
"""
"""Settings of a broker that speaks MQTT 3.1.1 alone."""


def _logged(daemon: RunningDaemon, text: str) -> bool:
    return daemon.layout.daemon_log.exists() and any(text in str(line) for line in daemon.log())


def test_the_next_broker_is_tried(
    start_operator: Callable[..., Operator],
    start_daemon: Callable[..., RunningDaemon],
    broker: RunningBroker,
) -> None:
    """One that is not there does not keep the device from the others."""
    operator = start_operator()
    servers = [f"127.0.0.1:{free_port()}", f"127.0.0.1:{broker.port}"]
    start_daemon(broker={"servers": servers})
    operator.await_online()


def test_a_silent_broker_is_given_up(
    start_operator: Callable[..., Operator],
    start_daemon: Callable[..., RunningDaemon],
    broker: RunningBroker,
) -> None:
    """It takes the connection and says nothing: the next one is tried within seconds."""
    operator = start_operator()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        servers = [f"127.0.0.1:{silent.getsockname()[1]}", f"127.0.0.1:{broker.port}"]
        daemon = start_daemon(broker={"servers": servers})
        wait_for(lambda: _logged(daemon, "does not answer"))
        operator.await_online()


def test_a_broker_that_comes_later_is_found(
    start_daemon: Callable[..., RunningDaemon],
    broker: RunningBroker,
    cleanup: ExitStack,
) -> None:
    """The daemon does not need one to start, and keeps trying."""
    broker.stop()
    daemon = start_daemon()
    wait_for(lambda: _logged(daemon, "no connection"))
    assert daemon.process.poll() is None
    broker.start()
    operator = Operator(broker.port)
    cleanup.callback(operator.close)
    operator.await_online()


def test_a_small_broker_gets_what_it_can_take(
    tmp_path: Path, start_daemon: Callable[..., RunningDaemon], cleanup: ExitStack
) -> None:
    """Too large documents are left out and named in the log; all else works."""
    broker = RunningBroker(tmp_path / "small", "max_packet_size 1500")
    cleanup.callback(broker.stop)
    broker.start()
    operator = Operator(broker.port)
    cleanup.callback(operator.close)
    daemon = start_daemon(broker={"port": broker.port})
    operator.await_online()
    assert operator.ask("system/ping")["success"]
    error = operator.ask("config/get")["error"]
    assert error["code"] in ("too_large", "camera_unavailable")
    assert daemon.process.poll() is None


@pytest.fixture
def scripted(cleanup: ExitStack) -> Callable[..., int]:
    """Makes a listener that answers each packet of a client with the next of a list of packets."""

    def serve(listener: socket.socket, packets: tuple[bytes, ...]) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                with client:
                    for packet in packets:
                        if not client.recv(4096):
                            break
                        client.sendall(packet)
                    while client.recv(4096):
                        pass

    def start(*packets: bytes) -> int:
        listener = cleanup.enter_context(socket.create_server(("127.0.0.1", 0)))
        threading.Thread(target=serve, args=(listener, packets), daemon=True).start()
        cleanup.callback(listener.shutdown, socket.SHUT_RDWR)
        port: int = listener.getsockname()[1]
        return port

    return start


def test_a_refused_subscription_is_no_connection(
    scripted: Callable[..., int], start_daemon: Callable[..., RunningDaemon]
) -> None:
    """A device that cannot hear commands does not say that it is online."""
    welcome, refusal = bytes.fromhex("2003000000"), bytes.fromhex("9007 0001 00 00878700")
    daemon = start_daemon(broker={"port": scripted(welcome, refusal)})
    wait_for(lambda: _logged(daemon, "refused a subscription"))
    assert not _logged(daemon, "'message': 'connected'")


def test_an_old_broker_is_spoken_to_in_its_own_way(
    scripted: Callable[..., int], start_daemon: Callable[..., RunningDaemon]
) -> None:
    """One that refuses MQTT 5 is asked again with 3.1.1, at once."""
    refusal = bytes.fromhex("20020001")
    daemon = start_daemon(broker={"port": scripted(refusal)})
    wait_for(lambda: _logged(daemon, "trying 3.1.1"))


@pytest.fixture
def old_broker(tmp_path: Path, cleanup: ExitStack) -> int:
    """The port of a real broker that speaks MQTT 3.1.1 alone, and insists on order."""
    pytest.importorskip("iotcore")
    port = free_port()
    config = tmp_path / "iotcore.toml"
    config.write_text(OLD_BROKER.format(port=port))
    process = subprocess.Popen(
        [sys.executable, "-m", "iotcore", "--config", str(config), "--log-level", "CRITICAL"],
        stderr=subprocess.DEVNULL,
    )
    cleanup.callback(process.wait)
    cleanup.callback(process.terminate)
    wait_for(lambda: listens(port))
    return port


def test_a_real_broker_of_the_old_version_serves_as_well(
    old_broker: int,
    service: RunningService,
    start_daemon: Callable[..., RunningDaemon],
    cleanup: ExitStack,
) -> None:
    """It hangs up on MQTT 5; with 3.1.1 commands are answered, and retained ones refused."""
    operator = Operator(old_broker, version=4)
    cleanup.callback(operator.close)
    operator.send("snapshot/take", {"id": "old"}, retain=True)
    start_daemon(broker={"port": old_broker})
    operator.await_online()
    assert operator.newest("info")["protocol"] == "3.1.1"  # type: ignore[index]
    assert operator.answer("snapshot/take", id="old")["error"]["code"] == "retained_command"
    wait_for(lambda: [m for m in operator.heard if m.topic.endswith("/take") and not m.payload])
    assert operator.ask("camera/set", iso=200)["success"]  # behind whatever uses the camera
    assert service.pictures() == [], "clearing the command was taken for one"
    operator.send("snapshot/take")
    wait_for(service.pictures)


def test_a_broker_that_insists_on_order_gets_it(
    old_broker: int,
    service: RunningService,
    start_daemon: Callable[..., RunningDaemon],
    cleanup: ExitStack,
) -> None:
    """What is done sooner is answered sooner, and acknowledged in its turn."""
    operator = Operator(old_broker, version=4)
    cleanup.callback(operator.close)
    start_daemon(broker={"port": old_broker})
    operator.await_online()
    service.fault("slow", seconds=1)
    operator.send("snapshot/take", {"id": "slow"})
    for _ in range(3):
        operator.ask("system/ping")
    assert operator.answers("snapshot/take", id="slow") == []
    operator.answer("snapshot/take", id="slow")
    service.mend()
    assert operator.ask("health/check")["data"]["mqtt"]["reconnects"] == 0


def test_name_and_password_are_used(
    tmp_path: Path, start_daemon: Callable[..., RunningDaemon], cleanup: ExitStack
) -> None:
    """The password comes from a file that may change while the daemon runs."""
    users = tmp_path / "users"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(users), "garden", "secret"], check=True)
    broker = RunningBroker(
        tmp_path / "closed", f"password_file {users}", "allow_anonymous false", "log_type all"
    )
    cleanup.callback(broker.stop)
    broker.start()
    password = tmp_path / "password"
    password.write_text("wrong\n")
    daemon = start_daemon(
        broker={"port": broker.port, "username": "garden", "password_file": str(password)}
    )
    wait_for(lambda: _logged(daemon, "Not authorized"))
    password.write_text("secret\n")
    wait_for(lambda: _logged(daemon, "'message': 'connected'"))
    assert not _logged(daemon, "secret")


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    """An authority, and a broker's certificate for the name `broker.house`."""
    folder = tmp_path / "certificates"
    folder.mkdir()
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    subject = ["-subj", "/CN=broker.house", "-addext", "subjectAltName=DNS:broker.house"]
    subprocess.run(
        [*make, *subject, "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
        check=True,
        capture_output=True,
    )
    return folder


def test_an_encrypted_broker_must_be_the_one_it_says(
    tmp_path: Path,
    certificates: Path,
    start_daemon: Callable[..., RunningDaemon],
    cleanup: ExitStack,
) -> None:
    """Another name in the certificate is refused; `server_name` is the name to expect."""
    broker = RunningBroker(
        tmp_path / "encrypted",
        f"certfile {certificates / 'cert.pem'}",
        f"keyfile {certificates / 'key.pem'}",
    )
    cleanup.callback(broker.stop)
    broker.start()
    settings = {"port": broker.port, "ca_file": str(certificates / "cert.pem")}
    stranger = start_daemon(broker=settings)
    wait_for(lambda: _logged(stranger, "certificate is not valid for"))
    stranger.terminate()
    stranger.layout.daemon_log.unlink()
    known = start_daemon(broker={**settings, "server_name": "broker.house"})
    wait_for(lambda: _logged(known, "'message': 'connected'"))


def test_a_rival_for_the_client_id_is_not_fought(
    operator: Operator, broker: RunningBroker, daemons: list[RunningDaemon]
) -> None:
    """Two devices with one name throw each other out: ours goes slowly, and says so."""
    operator.sync()
    rival = paho.Client(CallbackAPIVersion.VERSION2, f"cinepid-{DEVICE}", protocol=paho.MQTTv5)
    rival.connect("127.0.0.1", broker.port)
    rival.loop_start()
    wait_for(lambda: _logged(daemons[-1], "does another device have the same id?"))
    rival.disconnect()
    rival.loop_stop()
    assert daemons[-1].process.poll() is None


@pytest.mark.timeout(120)
def test_a_frozen_broker_is_noticed(
    operator: Operator,
    service: RunningService,
    broker: RunningBroker,
    daemons: list[RunningDaemon],
) -> None:
    """A connection that is only half there is given up, and made again."""
    broker.freeze()
    service.snapshot()
    wait_for(lambda: _logged(daemons[-1], "acknowledged nothing"), limit=60)
    broker.thaw()
    operator.forget()
    wait_for(lambda: operator.newest("status"), limit=60)
    assert operator.ask("system/ping")["success"]
