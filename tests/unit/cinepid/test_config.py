"""cinepid.yaml."""

import os
from pathlib import Path

import pytest

from cinepi.errors import InvalidArgumentError
from cinepi.features import features_of
from cinepid.config import (
    MINIMAL,
    BrokerSettings,
    DaemonConfig,
    DeviceSettings,
    HomeAssistantSettings,
    LogSettings,
    load,
    parse,
)
from cinepid.errors import ConfigError, ConnectError
from cinepid.message import Server
from cinepid.tls import password


def test_the_smallest_file_is_enough() -> None:
    """What help shows is a configuration."""
    config = parse(MINIMAL, source="cinepid.yaml")
    assert config.broker.all_servers() == (Server("192.168.1.10", 1883),)


def test_an_empty_file_means_the_defaults() -> None:
    """A broker on this machine."""
    assert parse("", source="cinepid.yaml") == DaemonConfig()


def test_an_empty_section_means_its_defaults() -> None:
    """Somebody has commented out all of its keys, as in the other configuration file."""
    config = parse("device:\n  # id: x\nbroker:\n  host: h\nlog:\n", source="cinepid.yaml")
    assert config == DaemonConfig(broker=BrokerSettings(host="h"))


def test_a_home_folder_is_meant_by_its_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a shell would have it; one that nobody knows is told with its line."""
    monkeypatch.setenv("HOME", "/home/garden")
    text = "broker:\n  username: u\n  password_file: ~/.mqtt\n  ca_file: {}/ca.crt\n"
    broker = parse(text.format("~"), source="cinepid.yaml").broker
    assert broker.password_path() == Path("/home/garden/.mqtt")
    assert broker.ca_file == "/home/garden/ca.crt"
    with pytest.raises(InvalidArgumentError, match=r"cinepid.yaml:4:12: ca_file begins with ~no-"):
        parse(text.format("~no-such-user"), source="cinepid.yaml")


@pytest.mark.parametrize(
    ("text", "servers"),
    [
        ("{host: a}", ["a:1883"]),
        ("{host: a, tls: true}", ["a:8883"]),
        ("{host: a, ca_file: /ca}", ["a:8883"]),
        ("{host: a, port: 99}", ["a:99"]),
        ("{host: '::1'}", ["[::1]:1883"]),
        ("{servers: [a, 'b:77', '[fe80::1]:99']}", ["a:1883", "b:77", "[fe80::1]:99"]),
    ],
)
def test_servers_have_the_port_that_fits(text: str, servers: list[str]) -> None:
    """1883, or 8883 with TLS, unless one is given."""
    config = parse(f"broker: {text}", source="cinepid.yaml")
    assert [str(server) for server in config.broker.all_servers()] == servers


@pytest.mark.parametrize(
    ("text", "field", "words"),
    [
        ("borker: {}", "/borker", "did you mean broker?"),
        ("broker: {port: 70000}", "/broker/port", "between 1 and 65535"),
        ("broker: {key_file: a}", "/broker/cert_file", "needs cert_file"),
        ("broker: {password_file: a}", "/broker/username", "needs a username"),
        ("broker: {servers: ['a:99999']}", "/broker/servers/0", "between 1 and 65535"),
        (
            "device: {id: Garden}",
            "/device/id",
            'such as garden, of at most 32 characters out of a-z0-9-, not "Garden"',
        ),
        (
            "device: {groups: ['+']}",
            "/device/groups/0",
            'groups[0] must be text of 1 to 32 characters out of a-z0-9-, not "+"',
        ),
        ('device: {name: "a\\nb"}', "/device/name", "text of at most 64 characters on one line"),
        ("broker: {host: '1.2.3.4:1883'}", "/broker/host", "such as 192.168.1.10, not"),
        ("broker: {host: ''}", "/broker/host", 'such as 192.168.1.10, not ""'),
        ("homeassistant: {prefix: 'a/#'}", "/homeassistant/prefix", "such as homeassistant"),
        ("log: {level: loud}", "/log/level", "one of "),
    ],
)
def test_each_mistake_is_explained(text: str, field: str, words: str) -> None:
    """With its place and what is allowed."""
    with pytest.raises(InvalidArgumentError) as caught:
        parse(text, source="cinepid.yaml")
    assert caught.value.field == field
    assert words in str(caught.value)
    assert "cinepid.yaml:1:" in str(caught.value)
    assert "without quotes" not in str(caught.value)


def test_a_file_that_is_no_text_is_explained(tmp_path: Path) -> None:
    """Rather than a traceback."""
    path = tmp_path / "cinepid.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="no text"):
        load(path)


def test_the_password_can_come_from_systemd(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A credential is used where no file is named."""
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert BrokerSettings().password_path() is None
    (tmp_path / "mqtt.password").write_text("secret")
    assert BrokerSettings().password_path() == tmp_path / "mqtt.password"
    assert BrokerSettings(password_file="/other").password_path() == Path("/other")  # noqa: S106
    assert "secret" not in os.environ.values()


@pytest.mark.parametrize(
    "section", [BrokerSettings, DeviceSettings, HomeAssistantSettings, LogSettings]
)
def test_every_setting_has_words(section: type[DaemonConfig]) -> None:
    """A name and a sentence, for help and documents."""
    described = {feature.key for feature in features_of(section)}
    assert described == set(section.__struct_fields__)


def test_a_password_file_that_is_another_file_is_told(tmp_path: Path) -> None:
    """MQTT has no room for more than 65,535 bytes; the daemon must not die of it."""
    path = tmp_path / "password"
    path.write_text("x" * 70_000)
    with pytest.raises(ConnectError, match="too long"):
        password(BrokerSettings(username="garden", password_file=str(path)))
