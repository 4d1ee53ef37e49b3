"""Clusters of three nodes on loopback, in the small Debian that scripts/engines-build makes.

Each node is started with the configuration of docs/fleet, with ports, names and folders put in the
place of the documented ones, and can be killed as a power cut does.
"""

import os
import re
import shutil
import signal
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from tests.broker.running import listens, wait_for
from tests.machine import free_port

ROOT = Path(os.environ.get("ENGINES_ROOT", "/nonexistent"))
"""What scripts/engines-build has made."""
DOCUMENTED = Path(__file__).parents[3] / "docs/fleet"
NODES = (1, 2, 3)
START_LIMIT = 120.0

_ENTER = (
    'mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && mount --bind "$1" "$0/srv/test"'
)


class Ports(NamedTuple):
    """Where one node listens."""

    mqtt: int
    own: int
    cluster: int


class Cluster:
    """Three nodes of one engine; made by `rabbitmq` or `nats`.

    Attributes:
        name: Of the engine.
        folder: Where the nodes keep what they know.
        ports: Of each node.
        credentials: Name and password of clients; None where nobody is asked.
    """

    def __init__(self, root: Path, folder: Path, name: str) -> None:
        """Choose ports; nothing runs yet."""
        self.name = name
        self.folder = folder
        self.ports = {node: Ports(free_port(), free_port(), free_port()) for node in NODES}
        self.credentials: tuple[str, str] | None = None
        self._root = root
        self._processes: dict[int | str, subprocess.Popen[bytes]] = {}

    def server(self, node: int) -> str:
        """Where clients find a node."""
        return f"127.0.0.1:{self.ports[node].mqtt}"

    def run(self, key: int | str, command: str, environment: dict[str, str]) -> None:
        """Start a program inside the small Debian, with `folder` at /srv/test."""
        (self._root / "srv/test").mkdir(exist_ok=True)
        inside = f'{_ENTER} && exec chroot "$0" sh -c "$2"'
        alone = (
            "unshare",
            "--mount",
            "--propagation",
            "private",
            "--pid",
            "--fork",
            "--kill-child",
        )
        with (self.folder / f"{key}.log").open("ab") as log:
            self._processes[key] = subprocess.Popen(
                [*alone, "sh", "-c", inside, str(self._root), str(self.folder), command],
                env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def await_node(self, node: int) -> None:
        """Wait until a node takes clients."""
        port = self.ports[node].mqtt
        process = self._processes[node]
        wait_for(lambda: listens(port) or process.poll() is not None, limit=START_LIMIT)
        log = (self.folder / f"{node}.log").read_text(errors="replace")
        assert process.poll() is None, log[-2000:]

    def kill(self, node: int) -> None:
        """End a node as a power cut does."""
        self._end(node)

    def close(self) -> None:
        """End all of it."""
        for key in reversed(list(self._processes)):
            self._end(key)

    def _end(self, key: int | str) -> None:
        process = self._processes.pop(key, None)
        if process is not None:
            process.send_signal(signal.SIGKILL)
            process.wait(20)


def documented(name: str, *changes: tuple[str, str]) -> str:
    """A configuration of the documentation, with each place changed that has to be another one."""
    text = (DOCUMENTED / name).read_text()
    for pattern, replacement in changes:
        text, count = re.subn(pattern, replacement, text, flags=re.MULTILINE)
        assert count, f"{name} has no {pattern}"
    return text


def rabbitmq(root: Path, folder: Path, stack: ExitStack) -> Cluster:
    """RabbitMQ with quorum queues, MQTT 5."""
    cluster = Cluster(root, folder, "RabbitMQ")
    stack.callback(cluster.close)
    epmd = free_port()
    cluster.run("epmd", f"exec epmd -port {epmd}", {"HOME": "/srv/test"})
    wait_for(lambda: listens(epmd))
    cookie = folder / ".erlang.cookie"
    cookie.write_text("cinepi-tests")
    cookie.chmod(0o400)
    (folder / "enabled_plugins").write_text("[rabbitmq_mqtt].\n")
    for node, ports in cluster.ports.items():
        config = documented(
            "rabbitmq.conf",
            (r"^mqtt.listeners.tcp.1 = .*", f"mqtt.listeners.tcp.1 = 127.0.0.1:{ports.mqtt}"),
            (r"@r\d.lan", "@localhost"),
        )
        config += f"listeners.tcp.1 = 127.0.0.1:{ports.own}\nmqtt.allow_anonymous = true\n"
        config += "anonymous_login_user = guest\nanonymous_login_pass = guest\n"
        (folder / f"r{node}.conf").write_text(config)
        environment = {
            "HOME": "/srv/test",
            "ERL_EPMD_PORT": str(epmd),
            "RABBITMQ_NODENAME": f"r{node}@localhost",
            "RABBITMQ_DIST_PORT": str(ports.cluster),
            "RABBITMQ_CONFIG_FILE": f"/srv/test/r{node}.conf",
            "RABBITMQ_ENABLED_PLUGINS_FILE": "/srv/test/enabled_plugins",
            "RABBITMQ_MNESIA_BASE": "/srv/test/data",
            "RABBITMQ_LOG_BASE": "/srv/test/log",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 +sbwt none",
        }
        cluster.run(node, "exec /usr/lib/rabbitmq/bin/rabbitmq-server", environment)
    for node in NODES:
        cluster.await_node(node)
    return cluster


def nats(root: Path, folder: Path, stack: ExitStack) -> Cluster:
    """NATS with JetStream in three replicas, MQTT 3.1.1."""
    cluster = Cluster(root, folder, "NATS")
    cluster.credentials = ("cinepi", "change me")
    stack.callback(cluster.close)
    routes = ", ".join(f"nats://127.0.0.1:{ports.cluster}" for ports in cluster.ports.values())
    for node, ports in cluster.ports.items():
        config = documented(
            "nats.conf",
            ("^server_name: n1", f"server_name: n{node}"),
            ("^port: 4222", f"host: 127.0.0.1\nport: {ports.own}"),
            ('"/var/lib/nats"', f'"/srv/test/n{node}"'),
            ("port: 6222$", f"host: 127.0.0.1\n  port: {ports.cluster}"),
            (r"routes: \[.*\]", f"routes: [{routes}]"),
            ("port: 1883$", f"host: 127.0.0.1\n  port: {ports.mqtt}"),
        )
        (folder / f"n{node}.conf").write_text(config)
        cluster.run(node, f"exec nats-server -c /srv/test/n{node}.conf", {})
        cluster.await_node(node)
    return cluster


def folder_of(root: Path, base: Path) -> Path:
    """A folder that the programs inside may write to."""
    assert shutil.which("unshare"), "unshare is not installed"
    assert (root / "srv/ready").exists(), f"{root} is not what scripts/engines-build makes"
    base.mkdir()
    return base
