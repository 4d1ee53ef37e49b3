"""A mosquitto on a port of its own, with the limits that we ship or with its own defaults."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

from benchmarks.parts.ports import await_port, free_port

LIMIT_S = 120.0
_HOUSE = Path(__file__).parent.parent.parent / "mosquitto" / "house.conf"
_SHIPPED = ("set_tcp_nodelay", "max_queued", "max_inflight", "max_packet_size")


class Broker(NamedTuple):
    """Where it listens, and its process."""

    port: int
    pid: int


@contextmanager
def running(limits: Literal["house", "default"] = "house") -> Iterator[Broker]:
    """Start it; it is gone with the block, and all that it has stored."""
    program = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    if program is None:
        sys.exit("mosquitto is not installed; make setup installs it")
    port = free_port()
    lines = [f"listener {port} 127.0.0.1", "allow_anonymous true", "log_type none"]
    if limits == "house":
        lines += [line for line in _HOUSE.read_text().splitlines() if line.startswith(_SHIPPED)]
    with tempfile.TemporaryDirectory(prefix="cinepi-broker-") as folder:
        configuration = Path(folder) / "mosquitto.conf"
        configuration.write_text("".join(f"{line.split('#')[0].strip()}\n" for line in lines))
        process = subprocess.Popen([program, "-c", str(configuration)])
        try:
            await_port(port)
            yield Broker(port, process.pid)
        finally:
            process.terminate()
            process.wait(LIMIT_S)
