"""cinepictl on the shipped house broker: TLS, passwords, and what each user may do."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.broker.house.conftest import House
from tests.broker.running import RunningDaemon, wait_for
from tests.fleet.operator import Ctl
from tests.service.running import RunningService


@pytest.fixture
def contexts(tmp_path: Path, stack: ExitStack) -> Ctl:
    """A device behind TLS, and a file of contexts with the right and the wrong ways in."""
    house = House(tmp_path)
    stack.enter_context(house.run())
    stack.callback(RunningService.start(tmp_path / "garden").close)
    broker = {
        "port": house.port,
        "username": "garden",
        "password_file": str(house.credentials / "devices/garden/mqtt.password"),
        "ca_file": str(house.ca),
    }
    daemon = RunningDaemon.start(tmp_path / "garden", house.port, broker=broker)
    stack.callback(daemon.kill)
    lines = ["default: operator", "contexts:"]
    for name, user, ca in (
        ("operator", "operator", house.ca),
        ("monitor", "monitor", house.ca),
        ("wrong-password", "operator", house.ca),
        ("no-authority", "operator", ""),
    ):
        password = f"{house.credentials}/users/{user}.password"
        if name == "wrong-password":
            password = str(tmp_path / "wrong")
            Path(password).write_text("wrong")
        lines += [
            f"  {name}:",
            "    host: 127.0.0.1",
            f"    port: {house.port}",
            f"    username: {user}",
            f"    password_file: {password}",
            "    tls: true",
            f'    ca_file: "{ca}"',
        ]
    folder = tmp_path / "config" / "cinepictl"
    folder.mkdir(parents=True)
    (folder / "contexts.yaml").write_text("\n".join((*lines, "")))
    ctl = Ctl(house.port, tmp_path)
    del ctl.environment["CINEPICTL_BROKER"]
    wait_for(lambda: ctl("ls").code == 0)
    return ctl


def test_users_may_what_the_house_allows(contexts: Ctl) -> None:
    """The operator commands; the monitor sees everything and is told that it may not."""
    contexts.ok("snapshot", "garden")
    assert len(contexts.ok("--context", "monitor", "ls", "--json").json) == 1
    refused = contexts("snapshot", "garden", "--context", "monitor", "--timeout", "2")
    assert refused.code != 0
    assert "Not authorized" in refused.err
    assert "commands cannot be sent" in contexts("doctor", "--context", "monitor").out


@pytest.mark.parametrize(
    ("context", "said"),
    [("wrong-password", "refused"), ("no-authority", "certificate")],
)
def test_the_wrong_way_in_is_explained(contexts: Ctl, context: str, said: str) -> None:
    """A wrong password, and a broker whose authority is not trusted."""
    result = contexts("ls", "--context", context)
    assert result.code == 5
    assert said in result.err
