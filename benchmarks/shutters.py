"""Many shutters at one instant: `python -m benchmarks.shutters --cameras 50 [--load 4]`.

Each camera is a process with the product's own shutter thread; all are told one instant, as
`snapshot --all --at` does, and tell how late they were. By default the shutter only notes the time,
since all share the cores of this machine, and drawing fifty simulated pictures is no part of a
fleet of Pis; `--pictures` takes whole pictures, for as many cameras as there are cores. What a
fleet adds is the difference of its clocks, which this cannot measure.
"""

import argparse
import multiprocessing
import os
import statistics
import tempfile
import time
from concurrent.futures import Future
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread

from cinepi.camera.camera import Camera
from cinepi.capture.shot import Order
from cinepi.capture.store import Store
from cinepi.capture.take import Taker
from cinepi.clock import SystemClock, wait_until
from cinepi.errors import StorageFullError
from cinepi.journal.journal import Journal
from cinepi.logs.setup import set_level
from cinepi.model.documents import CaptureDocument
from cinepi.model.settings import CameraSettings, CaptureSettings, Config
from cinepi.paths import Layout
from cinepi.timing import realtime
from cinepi.timing.keeper import SessionKeeper
from cinepi.timing.shutter import Shutter

_AHEAD_S = 3.0
_TARGET_MS = {False: 2.0, True: 5.0}


class _NoDisk:
    """A disk that is never full."""

    def handle_full(self, error: StorageFullError) -> bool:
        """Nothing can be done."""
        raise error


def main() -> None:
    """Fire some rounds and print how far apart the shutters were."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cameras", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--load", type=int, default=0, help="busy loops beside them")
    parser.add_argument("--pictures", action="store_true", help="simulated cameras, whole pictures")
    parser.add_argument("--no-fifo", action="store_true", help="the normal scheduling class")
    options = parser.parse_args()
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="cinepi-shutters-") as folder:
        ends, processes = [], []
        for number in range(options.cameras):
            ours, theirs = spawn.Pipe()
            arguments = theirs, Path(folder) / str(number), options.no_fifo, options.pictures
            processes.append(spawn.Process(target=_camera, args=arguments, daemon=True))
            processes[-1].start()
            ends.append(ours)
        granted = [end.recv() for end in ends]
        busy = [spawn.Process(target=_burn, daemon=True) for _ in range(options.load)]
        for process in busy:
            process.start()
        spreads, latest = [], []
        for turn in range(options.rounds + 1):
            late_ms = _round(ends)
            if turn:  # the first one warms up
                spreads.append(max(late_ms) - min(late_ms))
                latest += late_ms
        for process in (*busy, *processes):
            process.kill()
            process.join()
    _report(options, spreads, latest, has_fifo=all(granted))


def _report(
    options: argparse.Namespace, spreads: list[float], late_ms: list[float], *, has_fifo: bool
) -> None:
    target = _TARGET_MS[bool(options.load)]
    worst, middle = max(spreads), statistics.median(spreads)
    what = "cameras" if options.pictures else "shutters"
    scheduling = "SCHED_FIFO" if has_fifo else "normal class"
    print(
        f"{options.cameras} {what}, {options.rounds} rounds, {options.load} busy loops, "
        f"{scheduling}, load {os.getloadavg()[0]:.1f}"
    )
    print(f"spread of a round: median {middle:.2f} ms, worst {worst:.2f} ms")
    ordered = sorted(late_ms)
    p95 = ordered[int(0.95 * len(ordered))]
    print(f"late: median {statistics.median(ordered):.2f} ms, p95 {p95:.2f}, max {ordered[-1]:.2f}")
    print(f"target {target:g} ms for the median: {'met' if middle <= target else 'MISSED'}")


def _round(ends: list[Connection]) -> list[float]:
    at = time.time() + _AHEAD_S
    for end in ends:
        end.send(at)
    return [end.recv() for end in ends]


class _Bare(Taker):
    """Notes the time and takes no picture."""

    def take(self, order: Order, settings: object, also: object) -> CaptureDocument:  # noqa: ARG002
        """Wait for the instant as the camera's thread does, and say how late it is."""
        due = order.due or 0.0
        wait_until(due, SystemClock())
        late_ms = 1000 * (time.monotonic() - due)
        realtime.give_back()
        return CaptureDocument(
            filename="",
            path="",
            size=0,
            sha256="",
            taken_at="",
            width=0,
            height=0,
            kind="snapshot",
            late_ms=late_ms,
        )


def _camera(end: Connection, root: Path, no_fifo: bool, pictures: bool) -> None:  # noqa: FBT001
    """One device's shutter, until it is killed."""
    set_level("error")
    if no_fifo:
        realtime.request = lambda: False
    layout, clock = Layout(root), SystemClock()
    layout.captures.mkdir(parents=True)
    layout.journal.parent.mkdir(parents=True)
    journal = Journal(layout.journal, clock=clock, boot="bench")
    camera = Camera(
        CameraSettings(backend="simulated", resolution="640x480"),
        layout=layout,
        clock=clock,
        on_change=lambda: None,
        on_event=lambda _: None,
        give_up=print,
    )
    config = Config(capture=CaptureSettings(reserve_mb=16))
    shutter = Shutter(
        keeper=SessionKeeper(journal, clock, on_change=lambda: None),
        camera=camera,
        taker=(Taker if pictures else _Bare)(camera, Store(layout.captures, clock), journal, clock),
        storage=_NoDisk(),
        clock=clock,
        config=lambda: config,
    )
    Thread(target=shutter.run, name="shutter", daemon=True).start()
    shutter.has_looked.wait()
    end.send(realtime.request())
    realtime.give_back()
    while True:
        taken: Future[CaptureDocument] = shutter.snapshot(end.recv(), lambda _tx, _capture: None)
        end.send(taken.result().late_ms)


def _burn() -> None:
    while True:
        pass


if __name__ == "__main__":
    main()
