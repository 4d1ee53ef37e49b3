"""A cluster, with two real devices that know all of its nodes, and the operator on the last one."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.broker.running import RunningDaemon, wait_for
from tests.fleet.clusters.engine import ROOT, Cluster, folder_of, nats, rabbitmq
from tests.fleet.operator import Ctl
from tests.service.running import RunningService

_ENGINES = {"rabbitmq": rabbitmq, "nats": nats}
NAMES = ("garden", "roof")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without the engines there is nothing to test against, and each test may take long."""
    for item in items:
        if "clusters" in item.path.parts:
            item.add_marker(pytest.mark.timeout(400))
            if not ROOT.exists():
                item.add_marker(pytest.mark.skip(reason="run make test-clusters"))


@dataclass
class Stage:
    """What a test has before it.

    Attributes:
        cluster: Three nodes.
        ctl: The operator, who begins at node 3.
        home: Of the operator.
    """

    cluster: Cluster
    ctl: Ctl
    home: Path

    def at(self, node: int) -> Ctl:
        """The operator on one node alone."""
        ctl = Ctl(self.cluster.ports[node].mqtt, self.home)
        ctl.environment |= _login(self.cluster)
        return ctl


@pytest.fixture(params=list(_ENGINES))
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    """Each engine in turn."""
    with ExitStack() as stack:
        cluster = _ENGINES[request.param](ROOT, folder_of(ROOT, tmp_path / "nodes"), stack)
        contexts = {"default": "all", "contexts": {"all": _broker(cluster, (3, 2, 1), tmp_path)}}
        folder = tmp_path / "config/cinepictl"
        folder.mkdir(parents=True)
        (folder / "contexts.yaml").write_text(json.dumps(contexts))
        ctl = Ctl(0, tmp_path)
        del ctl.environment["CINEPICTL_BROKER"]
        for name, order in zip(NAMES, ((1, 2, 3), (2, 3, 1)), strict=True):
            (tmp_path / name).mkdir()
            stack.callback(RunningService.start(tmp_path / name).close)
            broker = _broker(cluster, order, tmp_path)
            device = {"id": name, "groups": ["all-of-us"]}
            daemon = RunningDaemon.start(tmp_path / name, 1883, device=device, broker=broker)
            stack.callback(daemon.kill)
        wait_for(lambda: ctl("ping", *NAMES).code == 0, limit=90)
        yield Stage(cluster, ctl, tmp_path)


def _broker(cluster: Cluster, order: tuple[int, ...], folder: Path) -> dict[str, object]:
    """The settings of a client that knows all nodes and tries them in this order."""
    settings: dict[str, object] = {"servers": [cluster.server(node) for node in order]}
    if cluster.credentials is not None:
        password = folder / "password"
        password.write_text(cluster.credentials[1])
        password.chmod(0o600)
        settings |= {"username": cluster.credentials[0], "password_file": str(password)}
    return settings


def _login(cluster: Cluster) -> dict[str, str]:
    if cluster.credentials is None:
        return {}
    name, password = cluster.credentials
    return {"CINEPICTL_USER": name, "CINEPICTL_PASSWORD": password}
