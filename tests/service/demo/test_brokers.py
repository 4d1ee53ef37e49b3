import os
import shlex
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cinepi.errors import ConflictError, InvalidArgumentError, NotSupportedError
from cinepid.demo.brokers import HOST, USUAL_PORT, LocalBroker, choose, find_mosquitto
from cinepid.demo.hints import hints
from tests.machine import free_port
from tests.service.demo.program import Running
from tests.service.running import wait_for

NOWHERE = "/nowhere"


@pytest.fixture
def busy_port() -> Iterator[int]:
    """A port on which something listens."""
    with closing(socket.create_server((HOST, 0))) as server:
        yield server.getsockname()[1]


@pytest.fixture
def port() -> int:
    """A port on which nothing listens."""
    return free_port()


def test_mosquitto_comes_first(tmp_path: Path, port: int) -> None:
    """Where mosquitto is installed the demo runs it, with the port that was asked for."""
    broker = choose(tmp_path, port)
    assert broker.name == "mosquitto"
    assert broker.port == broker.port_5 == port


def test_mosquitto_is_found_outside_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Debian keeps it in /usr/sbin, where plain users do not look."""
    monkeypatch.setenv("PATH", "/bin")
    assert find_mosquitto() is not None


def test_a_busy_port_is_a_clear_error(tmp_path: Path, busy_port: int) -> None:
    """The port that was asked for is used or refused, never replaced."""
    with pytest.raises(ConflictError, match=f"port {busy_port} is in use by another program"):
        choose(tmp_path, busy_port)


def test_an_impossible_port_is_a_clear_error(tmp_path: Path) -> None:
    """The message says what is allowed."""
    with pytest.raises(InvalidArgumentError, match="port must be between 1 and 65535, not 70000"):
        choose(tmp_path, 70000)


def test_without_a_wish_some_free_port_is_found(tmp_path: Path) -> None:
    """Also while 1883 is taken, as it is where mosquitto runs as a service."""
    with socket.socket() as usual:
        usual.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if _is_free(USUAL_PORT):
            usual.bind((HOST, USUAL_PORT))
            usual.listen()
        port = choose(tmp_path, None).port
        assert port != USUAL_PORT
        assert _is_free(port)


def test_without_any_broker_it_says_what_to_install(
    tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither mosquitto nor iotcore: the message names both."""
    monkeypatch.setattr("cinepid.demo.brokers.find_spec", lambda _: None)
    with pytest.raises(NotSupportedError, match="apt install mosquitto"):
        choose(tmp_path, port, NOWHERE)


@pytest.mark.parametrize("path", [None, NOWHERE], ids=["mosquitto", "iotcore"])
def test_both_brokers_speak_both_versions_on_loopback_only(
    path: str | None, tmp_path: Path, port: int
) -> None:
    """A retained message of 1 MB written with MQTT 5 is read by a client of 3.1.1."""
    if path == NOWHERE:
        pytest.importorskip("iotcore")
    broker = choose(tmp_path, port, path)
    running = Running(list(broker.command), os.environ)
    try:
        wait_for(lambda: not _is_free(broker.port) and not _is_free(broker.port_5))
        assert not _is_reachable_from_outside(broker)
        (tmp_path / "large").write_bytes(b"x" * 1_000_000)
        publish = f"mosquitto_pub -V 5 -p {broker.port_5} -t a/b -r -q 1 -f {tmp_path}/large"
        subprocess.run(shlex.split(publish), check=True, timeout=15)
        subscribe = f"mosquitto_sub -p {broker.port} -t a/# -C 1 -W 10 -N"
        heard = subprocess.run(shlex.split(subscribe), check=True, capture_output=True, timeout=15)
        assert len(heard.stdout) == 1_000_000
    finally:
        running.close()


def test_hints_leave_out_the_usual_port() -> None:
    """On 1883 the commands are as short as they get."""
    assert any(
        "mosquitto_pub -t cinepi/demo/cmd/snapshot/take -n" in h for h in hints("demo", 1883)
    )


def test_hints_do_without_mosquitto_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where mosquitto_pub is missing, Python takes its place, in valid shell and valid Python."""
    monkeypatch.setenv("PATH", NOWHERE)
    _, *lines = hints("demo", 1884)
    for line in lines:
        program, option, code = shlex.split(line)
        assert (Path(program).name.startswith("python"), option) == (True, "-c")
        compile(code, "hint", "exec")
        assert "port=1884" in code


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) != 0


def _is_reachable_from_outside(broker: LocalBroker) -> bool:
    with socket.socket() as probe:  # any other address of the loopback network will do
        return probe.connect_ex(("127.0.0.2", broker.port)) == 0
