"""How much a picture costs beyond what it must cost: encoding its JPEG and one fsync of its bytes.

Both are measured in turns, so that whatever else the machine does hits both alike. The whole path
is: order, simulated camera, JPEG, EXIF, preview, digest, file, folder, journal. Its exposure is
short, since waiting for light is no cost.
"""

import argparse
import os
import resource
import statistics
import tempfile
import time
from pathlib import Path

import simplejpeg

from cinepi.camera.backends.simulated.scene import Look, Scene
from cinepi.camera.camera import Camera
from cinepi.camera.contract import Planes
from cinepi.capture.shot import Order
from cinepi.capture.store import Store
from cinepi.capture.take import Taker
from cinepi.clock import SystemClock
from cinepi.journal.journal import Journal
from cinepi.model.settings import CameraSettings, CaptureSettings
from cinepi.paths import Layout

# 200 µs × ISO 800 × 6.25 gathers as much light as the scene wants, with the grain of that gain.
_SETTINGS = CameraSettings(exposure_mode="manual", shutter_us=200, iso=800, gain=6.25)
_QUALITY = 95
_TARGET = 1.3


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="how often each is measured")
    parser.add_argument("--resolution", default="4056x3040")
    parser.add_argument("--folder", help="where to write; a real disk, not one in memory")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        _measure(Layout(Path(folder)), options.resolution, options.rounds)


def _measure(layout: Layout, resolution: str, rounds: int) -> None:
    clock = SystemClock()
    camera = Camera(
        CameraSettings(
            exposure_mode=_SETTINGS.exposure_mode,
            shutter_us=_SETTINGS.shutter_us,
            iso=_SETTINGS.iso,
            gain=_SETTINGS.gain,
            resolution=resolution,
        ),
        layout=layout,
        clock=clock,
        on_change=lambda: None,
        on_event=print,
        give_up=print,
    )
    before = _peak_mb()
    journal = Journal(layout.journal, clock=clock, boot="benchmark")
    store = Store(layout.captures, clock)
    taker = Taker(camera, store, journal, clock)
    order = Order("snapshot")
    settings = CaptureSettings(quality=_QUALITY, reserve_mb=16)
    taker.take(order, settings, lambda _transaction, _document: None)
    peak = _peak_mb()
    planes = _same_picture(resolution)
    floor = layout.root / "floor.jpg"
    least: list[float] = []
    whole: list[float] = []
    size = 0
    for _ in range(rounds):
        began = time.perf_counter()
        _encode_and_sync(planes, floor)
        least.append(time.perf_counter() - began)
        floor.unlink()  # both find the same free memory for their next file
        began = time.perf_counter()
        capture = taker.take(order, settings, lambda _transaction, _document: None)
        whole.append(time.perf_counter() - began)
        size = store.delete(capture.filename)
    ratio = statistics.median(b / a for a, b in zip(least, whole, strict=True))
    frame = planes.width * planes.height * 1.5 / 1e6
    print(f"{resolution}, quality {_QUALITY}, {size / 1e6:.1f} MB, {rounds} rounds each, in turns")
    print(f"  encode and one fsync   {_milliseconds(least)}")
    print(f"  the whole path         {_milliseconds(whole)}")
    print(f"  ratio, median          {ratio:.2f}   (target: at most {_TARGET})")
    print(f"  peak memory            {peak:.0f} MB; {before:.0f} MB before the camera opened")
    print(f"  that is                {(peak - before) / frame:.1f} frames of {frame:.1f} MB more")
    camera.close()
    journal.close()


def _same_picture(resolution: str) -> Planes:
    width, height = (int(number) for number in resolution.split("x"))
    return Scene(Look(width, height, grain=2.61)).draw(1, "2026-11-23 09:30:00 #000001")


def _encode_and_sync(planes: Planes, path: Path) -> None:
    jpeg = simplejpeg.encode_jpeg_yuv_planes(planes.y, planes.u, planes.v, quality=_QUALITY)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    os.write(descriptor, jpeg)
    os.fsync(descriptor)
    os.close(descriptor)


def _milliseconds(times: list[float]) -> str:
    return f"{1000 * statistics.median(times):6.1f} ms   (best {1000 * min(times):.1f})"


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


if __name__ == "__main__":
    main()
