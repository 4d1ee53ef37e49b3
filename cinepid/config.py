"""`cinepid.yaml`: which broker, which name, and how much to say; each setting stated once."""

import os
from pathlib import Path
from typing import Annotated

import msgspec

from cinepi import check
from cinepi.errors import CinepiError, InvalidArgumentError, Problem
from cinepi.features import setting
from cinepi.model.settings import LogLevel, Section
from cinepi.paths import at_home
from cinepid.errors import ConfigError
from cinepid.message import Server
from cinepid.topics import NAME_PATTERN, default_device

PORT = 1883
TLS_PORT = 8883

MINIMAL = """\
broker:
  host: 192.168.1.10      # name or address of the MQTT broker
"""
"""The smallest file that does something."""

_CREDENTIAL = "mqtt.password"
_TEXT = r"^[^\x00-\x1f\x7f]{0,64}$"
_PATHS = ("password_file", "ca_file", "cert_file", "key_file")
_TOPIC = r"^[^+#\x00\s]{1,128}$"
# One colon is a port, which has a key of its own; two are an IPv6 address.
_HOST_PATTERN = r"^([^\s:/\[\]]{1,255}|\[?[0-9a-fA-F]*:[0-9a-fA-F.]*:[^\s/\[\]]{0,80}\]?)$"
_SERVER_PATTERN = r"^(\[[0-9a-fA-F:]+\]|[^\s:/\[\]]+)(:[0-9]{1,5})?$"

Name = Annotated[str, msgspec.Meta(pattern=NAME_PATTERN)]
ServerText = Annotated[str, msgspec.Meta(pattern=_SERVER_PATTERN)]


class DeviceSettings(Section, frozen=True, kw_only=True):
    """Who this device is."""

    id: Annotated[
        str,
        setting(
            "Device id",
            "Its name in topics, for ever; empty means made from the host name.",
            pattern="^([a-z0-9-]{1,32})?$",
            example="garden",
        ),
    ] = ""
    name: Annotated[
        str, setting("Name", "What people call it; empty means the id.", pattern=_TEXT)
    ] = ""
    area: Annotated[str, setting("Area", "Where it stands, for Home Assistant.", pattern=_TEXT)] = (
        ""
    )
    groups: Annotated[
        tuple[Name, ...], setting("Groups", "Groups whose commands it also follows.")
    ] = ()
    tags: Annotated[tuple[Name, ...], setting("Tags", "Words for the match of a broadcast.")] = ()


class BrokerSettings(Section, frozen=True, kw_only=True):
    """Where the broker is and how to be let in."""

    host: Annotated[
        str,
        setting("Host", "Name or address.", pattern=_HOST_PATTERN, example="192.168.1.10"),
    ] = "localhost"
    port: (
        Annotated[
            int,
            setting("Port", "1883, or 8883 with TLS, if not given.", minimum=1, maximum=65535),
        ]
        | None
    ) = None
    servers: Annotated[
        tuple[ServerText, ...],
        setting("Servers", "Several brokers as host:port, tried in this order, instead of host."),
    ] = ()
    username: Annotated[
        str, setting("User", "Name to log in with; empty for none.", pattern=_TEXT)
    ] = ""
    password_file: Annotated[
        str,
        setting(
            "Password file",
            "File that holds the password; else the systemd credential mqtt.password.",
        ),
    ] = ""
    tls: Annotated[bool, setting("TLS", "Whether to encrypt; also set by ca_file, cert_file.")] = (
        False
    )
    ca_file: Annotated[
        str, setting("CA file", "Who may sign the broker's certificate; empty: the system's.")
    ] = ""
    cert_file: Annotated[str, setting("Certificate", "This device's own, if one is asked for.")] = (
        ""
    )
    key_file: Annotated[str, setting("Key", "Of this device's own certificate.")] = ""
    server_name: Annotated[
        str, setting("Server name", "Name in the broker's certificate, if it is not the host.")
    ] = ""
    verify: Annotated[
        bool, setting("Verify", "Whether to check the broker's certificate; leave this on.")
    ] = True

    @property
    def uses_tls(self) -> bool:
        """Whether the connection is encrypted."""
        return self.tls or bool(self.ca_file or self.cert_file)

    def all_servers(self) -> tuple[Server, ...]:
        """Every broker, in the order to try."""
        port = self.port or (TLS_PORT if self.uses_tls else PORT)
        if not self.servers:
            return (Server(self.host.strip("[]"), port),)
        return tuple(_server(text, port) for text in self.servers)

    def password_path(self) -> Path | None:
        """The file to read the password from: the one named, else systemd's credential."""
        if self.password_file:
            return Path(self.password_file)
        folder = os.environ.get("CREDENTIALS_DIRECTORY")
        credential = Path(folder, _CREDENTIAL) if folder else None
        return credential if credential and credential.exists() else None


class HomeAssistantSettings(Section, frozen=True, kw_only=True):
    """How Home Assistant finds the device."""

    enabled: Annotated[bool, setting("Discovery", "Whether to announce it.")] = True
    prefix: Annotated[
        str,
        setting(
            "Prefix", "Home Assistant's discovery prefix.", pattern=_TOPIC, example="homeassistant"
        ),
    ] = "homeassistant"
    birth_topic: Annotated[
        str,
        setting(
            "Birth topic",
            "Where Home Assistant says it is up.",
            pattern=_TOPIC,
            example="homeassistant/status",
        ),
    ] = "homeassistant/status"


class LogSettings(Section, frozen=True, kw_only=True):
    """How much the daemon says."""

    level: Annotated[LogLevel, setting("Level", "The least serious message in the log file.")] = (
        "info"
    )
    mqtt_level: Annotated[
        LogLevel, setting("MQTT level", "The least serious message that is published.")
    ] = "warning"


class DaemonConfig(Section, frozen=True, kw_only=True):
    """The whole of `cinepid.yaml`."""

    device: DeviceSettings = DeviceSettings()
    broker: BrokerSettings = BrokerSettings()
    homeassistant: HomeAssistantSettings = HomeAssistantSettings()
    log: LogSettings = LogSettings()

    @property
    def device_id(self) -> str:
        """The id that holds: the one given, else made from the host name."""
        return self.device.id or default_device()


def load(path: Path) -> DaemonConfig:
    """Read the file.

    Raises:
        ConfigError: It is missing, unreadable or wrong; says all that is wrong and what to do.
    """
    try:
        return parse(path.read_text(), source=path.name)
    except FileNotFoundError as error:
        message = f"there is no configuration at {path}; the smallest one is:\n\n{MINIMAL}"
        raise ConfigError(message) from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is no text in UTF-8") from error
    except CinepiError as error:
        lines = "".join(f"\n  {problem.message}" for problem in error.problems) or f" {error}"
        raise ConfigError(f"{path} has mistakes:{lines}", *error.problems) from error


def parse(text: str, *, source: str) -> DaemonConfig:
    """Make a configuration of YAML.

    Raises:
        InvalidArgumentError: With every problem, each with its place in the text.
        TooLargeError: It cannot be a configuration.
    """
    from cinepi import strictyaml  # noqa: PLC0415 - cinepictl has these settings, but no YAML

    tree = strictyaml.load(text, source=source)
    value = strictyaml.sections(tree)
    problems = check.problems_of(DaemonConfig, value)
    if not problems:
        config = msgspec.convert(value, DaemonConfig)
        broker, problems = _with_homes(config.broker)
        problems += _contradictions(broker)
        if not problems:
            return msgspec.structs.replace(config, broker=broker)
    raise InvalidArgumentError.of(strictyaml.located(problems, tree, source=source))


def _with_homes(broker: BrokerSettings) -> tuple[BrokerSettings, list[Problem]]:
    """The settings with home folders in place of `~`, and which of them are not known."""
    paths: dict[str, str] = {}
    problems: list[Problem] = []
    for key in _PATHS:
        if given := getattr(broker, key):
            try:
                paths[key] = str(at_home(given, key))
            except InvalidArgumentError as error:
                problems.append(Problem(f"/broker/{key}", str(error)))
    return msgspec.structs.replace(broker, **paths), problems


def _contradictions(broker: BrokerSettings) -> list[Problem]:
    """What no single setting can tell."""
    problems = []
    if broker.key_file and not broker.cert_file:
        problems.append(Problem("/broker/cert_file", "key_file needs cert_file beside it"))
    if broker.password_file and not broker.username:
        problems.append(Problem("/broker/username", "password_file needs a username beside it"))
    for index, text in enumerate(broker.servers):
        if not 1 <= _server(text, PORT).port <= 65535:  # noqa: PLR2004
            message = f"the port in {text} must be between 1 and 65535"
            problems.append(Problem(f"/broker/servers/{index}", message))
    return problems


def _server(text: str, default_port: int) -> Server:
    host, _, port = text.rpartition(":") if text[-1].isdigit() and ":" in text else (text, "", "")
    return Server((host or text).strip("[]"), int(port) if port else default_port)
