"""How long the camera service takes to start with very many pictures on disk.

`python -m benchmarks.startup [--pictures 100000]`: once with a journal that knows them, and once
after the journal was lost and the index is made again from the folder.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path

from cinepi.client import Client
from cinepi.errors import CameraUnavailableError
from cinepi.model.documents import CaptureDocument
from cinepi.paths import Layout
from cinepi.protocol import PingResult, TakeParams

LIMIT_S = 300.0


def start(layout: Layout) -> tuple[subprocess.Popen[bytes], float]:
    """Start the service; returns it and the seconds until it answered."""
    began = time.monotonic()
    service = subprocess.Popen(
        [sys.executable, "-m", "cinepi.service", "--root", str(layout.root)],
        stderr=subprocess.DEVNULL,
    )
    while time.monotonic() - began < LIMIT_S:
        try:
            with Client.connect(layout, start=False) as client:
                client.call("ping", PingResult, timeout=LIMIT_S)
                return service, time.monotonic() - began
        except CameraUnavailableError:
            time.sleep(0.005)
    message = f"the service did not answer within {LIMIT_S:.0f} s"
    raise TimeoutError(message)


def stop(service: subprocess.Popen[bytes]) -> None:
    """Stop it cleanly."""
    service.send_signal(signal.SIGTERM)
    service.wait(60)


def main() -> None:
    """Make the pictures, start twice, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=100_000, help="how many")
    pictures = parser.parse_args().pictures
    root = Path(tempfile.mkdtemp(prefix="cinepi-bench-"))
    layout = Layout(root)
    try:
        layout.config.parent.mkdir(parents=True)
        layout.config.write_text("camera: {backend: simulated, resolution: 1280x720}\n")
        service, empty = start(layout)
        with Client.connect(layout, start=False) as client:
            taken = client.call("snapshot.take", CaptureDocument, TakeParams())
        stop(service)
        source = Path(taken.path)
        first = datetime(2020, 1, 1)  # noqa: DTZ001 - names are local time
        for number in range(pictures):
            name = (first + timedelta(seconds=number)).strftime("cinepi_%Y%m%d_%H%M%S.jpg")
            if number % 60_000 == 0:  # a file has room for so many links
                shutil.copy(taken.path, layout.captures / name)
                source = layout.captures / name
            else:
                os.link(source, layout.captures / name)
        service, lost = start(layout)
        stop(service)
        service, known = start(layout)
        stop(service)
    finally:
        shutil.rmtree(root)
    print(f"{'without pictures':40} {empty:6.2f} s")
    print(f"{f'{pictures} pictures, all known':40} {known:6.2f} s   (target: under 3 s)")
    print(f"{f'{pictures} pictures, none known':40} {lost:6.2f} s")


if __name__ == "__main__":
    main()
