"""How long people wait for a command line: `python benchmarks/cli.py`.

Each command is measured in turns with `python3 -c pass`, so that whatever else the machine does
hits both alike; the ratio of the two is what can be compared from machine to machine.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

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


def _await(layout: Layout) -> None:
    while not layout.socket.exists():
        time.sleep(0.05)
    with Client.connect(layout, start=False) as client:
        client.ask("ping")


def _compare(command: tuple[str, ...], rounds: int) -> None:
    _time(command)  # once for the caches
    pairs = [(_time(_BARE), _time(command)) for _ in range(rounds)]
    bare = statistics.median(pair[0] for pair in pairs)
    ours = statistics.median(pair[1] for pair in pairs)
    ratio = statistics.median(pair[1] / pair[0] for pair in pairs)
    verdict = "ok" if ours < _TARGET_MS else f"over the target of {_TARGET_MS:g} ms"
    words = " ".join(command[1:])
    print(f"{words:<36} {ours:6.1f} ms, {ratio:4.1f} x python3 -c pass ({bare:.1f} ms)  {verdict}")


def _time(arguments: tuple[str, ...]) -> Milliseconds:
    began = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    main()
