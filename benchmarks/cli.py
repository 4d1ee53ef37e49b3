"""How long people wait for a command line: `python -m benchmarks.cli`.

Each command is measured in turns with `python3 -c pass`, so that whatever else the machine does
hits both alike; the ratio of the two is what can be compared from machine to machine. `cinepictl`
is compared with the least that could do its work, too: asyncio, msgspec and the MQTT library are
loaded, and a connection is made.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.parts import broker
from cinepi.client import Client
from cinepi.paths import Layout
from cinepi.units import Milliseconds

_BARE = ("-c", "pass")
_COMMANDS = (
    ("-m", "cinepi.camera", "status"),
    ("-m", "cinepi.camera", "settings"),
    ("-m", "cinepi.camera", "settings", "--iso", "200"),
    ("-m", "cinepi.timing", "status"),
    ("-m", "cinepi.capture", "list"),
)
_TARGET_MS: Milliseconds = 150
_LEAST = """
import asyncio, socket, sys, msgspec, paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
client.on_connect = lambda client, *_: client.disconnect()
client.connect("127.0.0.1", int(sys.argv[1]))
client.loop_forever()
"""
_CTL_COMMANDS = (("ls",), ("ls", "--help"), ("--version",), ("snapshot", "--all"))
_CTL_TARGET_MS: Milliseconds = 300


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=21, help="how often each is measured")
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CINEPI_ROOT"] = folder
        service = subprocess.Popen(
            [sys.executable, "-m", "cinepi.service", "--root", folder], stderr=subprocess.DEVNULL
        )
        try:
            _await(Layout(Path(folder)))
            for command in _COMMANDS:
                _compare(command, rounds)
        finally:
            service.terminate()
            service.wait()
    with broker.running() as found, _three_devices(found.port):
        os.environ["CINEPICTL_BROKER"] = f"127.0.0.1:{found.port}"
        least = ("-c", _LEAST, str(found.port))
        for words in _CTL_COMMANDS:
            _compare(("-m", "cinepid.ctl", *words), rounds, least=least, target=_CTL_TARGET_MS)


@contextmanager
def _three_devices(port: int) -> Iterator[None]:
    command = [sys.executable, "-m", "benchmarks.parts.simulated_fleet", "--devices", "3"]
    fleet = subprocess.Popen([*command, "--port", str(port)], stdout=subprocess.PIPE)
    try:
        assert fleet.stdout
        fleet.stdout.readline()
        yield
    finally:
        fleet.terminate()
        fleet.wait()


def _await(layout: Layout) -> None:
    while not layout.socket.exists():
        time.sleep(0.05)  # between two looks
    with Client.connect(layout, start=False) as client:
        client.ask("ping")


def _compare(
    command: tuple[str, ...],
    rounds: int,
    *,
    least: tuple[str, ...] | None = None,
    target: Milliseconds = _TARGET_MS,
) -> None:
    _time(command)  # once for the caches
    turns = [(_time(_BARE), _time(least or _BARE), _time(command)) for _ in range(rounds)]
    bare, floor, ours = (statistics.median(turn[each] for turn in turns) for each in range(3))
    ratio = statistics.median(turn[2] / turn[0] for turn in turns)
    verdict = "ok" if ours < target else f"over the target of {target:g} ms"
    words = " ".join(command[1:])
    line = f"{words:<36} {ours:6.1f} ms, {ratio:4.1f} x python3 -c pass ({bare:.1f} ms)"
    if least is not None:
        best = min(turn[2] for turn in turns)
        share = statistics.median(turn[2] / turn[1] for turn in turns)
        line += f", {share:.2f} x the least ({floor:.1f} ms); best {best:.1f} ms"
    print(f"{line}  {verdict}")


def _time(arguments: tuple[str, ...]) -> Milliseconds:
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, *arguments],
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    main()
