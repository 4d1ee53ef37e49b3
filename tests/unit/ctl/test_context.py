"""Which broker: flags, environment, file."""

import argparse
from pathlib import Path

import pytest

from cinepi.errors import InvalidArgumentError
from cinepid.ctl.context import Access, access
from cinepid.ctl.errors import UsageError

_CONTEXTS = """\
default: garden
contexts:
  garden:
    host: broker.lan
    username: operator
    ca_file: ~/ca.crt
  cabin:
    servers: [one:1884, two]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with two contexts."""
    path = tmp_path / "contexts.yaml"
    path.write_text(_CONTEXTS)
    return path


def _access(environment: dict[str, str], **flags: object) -> Access:
    keys = ("context", "broker", "username", "password_file", "ca_file", "cert_file", "key_file",
            "server_name")  # fmt: skip
    options = {**dict.fromkeys(keys), "tls": False, "insecure": False, **flags}
    return access(argparse.Namespace(**options), environment)


def _servers(found: Access) -> list[str]:
    return [str(server) for server in found.settings.all_servers()]


def test_the_default_context_holds(file: Path) -> None:
    """Nothing said: the file's default, encrypted because it has a CA."""
    found = _access({"CINEPICTL_CONFIG": str(file)})
    assert (_servers(found), found.context) == (["broker.lan:8883"], "garden")
    assert found.settings.ca_file == str(Path("~/ca.crt").expanduser())


def test_flags_beat_the_environment_which_beats_the_file(file: Path) -> None:
    """A named context, a broker in the environment, and a broker on the command line."""
    environment = {"CINEPICTL_CONFIG": str(file), "CINEPICTL_CONTEXT": "cabin"}
    assert _servers(_access(environment)) == ["one:1884", "two:1883"]
    environment |= {"CINEPICTL_USER": "monitor", "CINEPICTL_PASSWORD": "secret"}
    found = _access(environment, context="garden")
    assert (found.settings.username, found.password) == ("monitor", "secret")
    del environment["CINEPICTL_CONTEXT"]
    environment["CINEPICTL_BROKER"] = "env.lan"
    assert _servers(_access(environment)) == ["env.lan:1883"]
    found = _access(environment, broker="mqtts://me@flag.lan", username=None)
    assert (_servers(found), found.settings.uses_tls) == (["flag.lan:8883"], True)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"context": "gardn"}, "there is no context 'gardn'"),
        ({"broker": "http://x"}, "must look like"),
        ({"broker": "x:99999"}, "makes no sense"),
        ({"broker": "mqtt://u:pw@x"}, "password belongs in a file"),
    ],
)
def test_mistakes_are_explained(file: Path, flags: dict[str, object], said: str) -> None:
    """What is wrong is said in one sentence, without a password in it."""
    with pytest.raises((UsageError, InvalidArgumentError), match=said):
        _access({"CINEPICTL_CONFIG": str(file)}, **flags)


def test_a_wrong_file_says_which_line(tmp_path: Path) -> None:
    """A key that is unknown is named, with the file."""
    path = tmp_path / "contexts.yaml"
    path.write_text("contexts:\n  garden:\n    hosts: x\n")
    with pytest.raises(UsageError, match="did you mean host"):
        _access({"CINEPICTL_CONFIG": str(path)})
