"""How long the camera service takes to start with very many pictures on disk.

`python -m benchmarks.startup [--pictures 100000]`: once after the journal was lost, so that the
index is made again from the folder beside the session; once with a journal that knows them; and
once with one that an earlier version wrote in the middle of a session, and that knows them too.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cinepi.client import Client
from cinepi.errors import CameraUnavailableError
from cinepi.model.documents import CaptureDocument
from cinepi.paths import Layout
from cinepi.protocol import PingResult, TakeParams, WatchResult
from tests.unit.journal import version1

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


def indexed(layout: Layout) -> int:
    """How many pictures the index has."""
    with Client.connect(layout, start=False) as client:
        return client.call("watch", WatchResult, timeout=LIMIT_S).storage.captures


def wait_for_index(layout: Layout, pictures: int) -> None:
    """Wait until the service has taken up all that lies in the folder."""
    deadline = time.monotonic() + LIMIT_S
    while indexed(layout) < pictures:
        if time.monotonic() > deadline:
            raise TimeoutError("the index was not complete in time")
        time.sleep(0.2)


def count_index(layout: Layout, pictures: int) -> None:
    """Make sure that none was lost.

    Raises:
        AssertionError: One was.
    """
    found = indexed(layout)
    assert found >= pictures, f"{found} pictures of {pictures}"


def main() -> None:
    """Make the pictures, start four times, and print."""
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
        for number in range(pictures):
            name = version1.name(number)
            if number % 60_000 == 0:  # a file has room for so many links
                shutil.copy(taken.path, layout.captures / name)
                source = layout.captures / name
            else:
                os.link(source, layout.captures / name)
        service, lost = start(layout)
        wait_for_index(layout, pictures)
        stop(service)
        service, known = start(layout)
        stop(service)
        for path in layout.journal.parent.glob("journal*"):
            path.unlink()
        version1.write(layout.journal, pictures)
        service, old = start(layout)
        count_index(layout, pictures)
        stop(service)
    finally:
        shutil.rmtree(root)
    print(f"{'without pictures':40} {empty:6.2f} s")
    print(f"{f'{pictures} pictures, all known':40} {known:6.2f} s   (target: under 3 s)")
    print(f"{f'{pictures} pictures, none known':40} {lost:6.2f} s")
    print(f"{f'{pictures} pictures, an old journal':40} {old:6.2f} s   (target: under 5 s)")


if __name__ == "__main__":
    main()
