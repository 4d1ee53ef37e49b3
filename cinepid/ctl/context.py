"""Which broker, and how to be let in: flags, else the environment, else a file of named contexts.

The file is `contexts.yaml` in `~/.config/cinepictl/`, or what CINEPICTL_CONFIG names:

    default: garden
    contexts:
      garden:
        host: broker.lan
        username: operator
        password_file: ~/.config/cinepictl/garden.password
        ca_file: ~/.config/cinepictl/garden-ca.crt
"""

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from cinepi import check
from cinepi.errors import CinepiError
from cinepi.model.settings import Section
from cinepid.config import BrokerSettings
from cinepid.ctl.errors import UsageError

CONFIG_VARIABLE = "CINEPICTL_CONFIG"
VARIABLES = {
    "broker": "CINEPICTL_BROKER",
    "username": "CINEPICTL_USER",
    "password_file": "CINEPICTL_PASSWORD_FILE",
    "ca_file": "CINEPICTL_CA_FILE",
    "cert_file": "CINEPICTL_CERT_FILE",
    "key_file": "CINEPICTL_KEY_FILE",
    "server_name": "CINEPICTL_SERVER_NAME",
}
"""Flags that the environment can stand in for."""
CONTEXT_VARIABLE = "CINEPICTL_CONTEXT"
PASSWORD_VARIABLE = "CINEPICTL_PASSWORD"  # noqa: S105 - its name, not a password

_SCHEMES = {"mqtt": False, "tcp": False, "mqtts": True, "ssl": True}
_PATHS = ("password_file", "ca_file", "cert_file", "key_file")


class Contexts(Section, frozen=True, kw_only=True):
    """The file.

    Attributes:
        default: The context that holds when nothing is said.
        contexts: Brokers by name, each with the keys of `broker` in cinepid.yaml.
    """

    default: str | None = None
    contexts: dict[str, BrokerSettings] = {}  # noqa: RUF012 - a field, which msgspec copies


@dataclass(frozen=True, slots=True)
class Access:
    """A broker and how to be let in.

    Attributes:
        settings: As the daemon has them.
        password: From the environment; None leaves it to `settings`.
        context: The name of the context that said so; empty for none.
    """

    settings: BrokerSettings
    password: str | None
    context: str


def contexts_path(environment: Mapping[str, str]) -> Path:
    """Where the file of contexts is, or would be."""
    if named := environment.get(CONFIG_VARIABLE):
        return Path(named).expanduser()
    folder = environment.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(folder).expanduser() / "cinepictl" / "contexts.yaml"


def load_contexts(environment: Mapping[str, str]) -> Contexts:
    """Read the file; a missing one has no contexts.

    Raises:
        UsageError: It cannot be read, or is wrong; says all that is.
    """
    path = contexts_path(environment)
    try:
        text = path.read_text()
        from cinepi import strictyaml  # noqa: PLC0415 - a tenth of the start, if there is a file

        value = strictyaml.load(text, source=path.name).value
        return Contexts() if value is None else check.parse(Contexts, value)
    except FileNotFoundError:
        return Contexts()
    except (OSError, UnicodeDecodeError, CinepiError) as error:
        raise UsageError(f"{path}: {error}") from error


def access(options: argparse.Namespace, environment: Mapping[str, str] = os.environ) -> Access:
    """Put together what flags, environment and file say.

    Raises:
        UsageError: One of them is wrong.
    """
    found = load_contexts(environment)
    name = options.context or environment.get(CONTEXT_VARIABLE) or ""
    given = {
        key: getattr(options, key, None) or environment.get(variable)
        for key, variable in VARIABLES.items()
    }
    if not name and not given["broker"]:
        name = found.default or ""
    if name and name not in found.contexts:
        known = ", ".join(sorted(found.contexts)) or "none yet"
        path = contexts_path(environment)
        raise UsageError(f"there is no context {name!r} in {path}; there are: {known}")
    values: dict[str, Any] = msgspec.structs.asdict(found.contexts.get(name, BrokerSettings()))
    broker = given.pop("broker")
    values.update({key: value for key, value in given.items() if value})
    if broker:
        values.update(_address(broker))
    if options.tls:
        values["tls"] = True
    if options.insecure:
        values["verify"] = False
    for key in _PATHS:
        values[key] = str(Path(values[key]).expanduser()) if values[key] else ""
    return Access(
        check.parse(BrokerSettings, _plain(values)), environment.get(PASSWORD_VARIABLE), name
    )


def _address(text: str) -> dict[str, object]:
    """`host`, `host:port` or `mqtts://user@host:port`."""
    try:
        parts = urlsplit(text if "://" in text else f"mqtt://{text}")
        port = parts.port
    except ValueError as error:
        raise UsageError(f"the broker's address {text!r} makes no sense: {error}") from error
    if parts.scheme not in _SCHEMES or not parts.hostname or parts.path.strip("/"):
        example = "broker.lan, broker.lan:1884 or mqtts://operator@broker.lan"
        raise UsageError(f"the broker's address must look like {example}, not {text!r}")
    if parts.password:
        raise UsageError(f"a password belongs in a file or {PASSWORD_VARIABLE}, not in an address")
    found: dict[str, object] = {"host": parts.hostname, "port": port, "servers": ()}
    if _SCHEMES[parts.scheme]:
        found["tls"] = True
    if parts.username:
        found["username"] = parts.username
    return found


def _plain(values: dict[str, Any]) -> dict[str, object]:
    return {key: list(v) if isinstance(v, tuple) else v for key, v in values.items()}
