"""How long the journal takes, and what it writes: `python -m benchmarks.journal [--small]`.

Lists 50 of 100,000 and of 1,000,000 captures for each filter, beside listing a folder by `glob`
and `stat`; then commits frames, and counts the bytes that reach the kernel.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path

import msgspec

from cinepi.clock import SystemClock, rfc3339
from cinepi.envelope import Command
from cinepi.journal.filter import Filter
from cinepi.journal.journal import Journal
from cinepi.model.documents import CaptureDocument, CaptureKind
from cinepi.model.events import CaptureStored
from cinepi.model.exposures import Achieved
from cinepi.protocol import PingResult

START = 1_700_000_000
PERIOD = 30  # seconds from capture to capture
SNAPSHOT_EACH = 1000
SESSIONS = 50
REPEATS = 21
COMMITS = 500

Query = tuple[Filter, str | None]
"""A filter, and the name before which the list begins."""


def main() -> None:
    """Run all and print one line for each measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--small", action="store_true", help="a tenth of the rows, for a quick look"
    )
    sizes = (10_000, 100_000) if parser.parse_args().small else (100_000, 1_000_000)
    with tempfile.TemporaryDirectory() as folder:
        compare_lists(Path(folder), sizes)
        list_folder(Path(folder) / "captures", sizes[0])
        commit_frames(Path(folder) / "commits")


def compare_lists(folder: Path, sizes: tuple[int, int]) -> None:
    """Time each filter with both numbers of rows."""
    times: dict[str, list[float]] = {}
    for rows in sizes:
        journal = Journal(folder / f"{rows}.db", clock=SystemClock(), boot="benchmark")
        with journal.transaction() as transaction:
            for number in range(rows):
                transaction.add_capture(capture(number, rows))
        for name, (which, before) in queries(rows).items():
            listing = partial(journal.captures, which, before=before)
            assert listing().captures or "none" in name, name
            times.setdefault(name, []).append(median_ms(listing))
        journal.close()
        size = (folder / f"{rows}.db").stat().st_size
        print(f"{rows:>9} captures: {size / 1e6:.0f} MB, {size / rows:.0f} bytes each")
    for name, (small, large) in times.items():
        print(f"list 50, {name:<28} {small:7.2f} ms {large:7.2f} ms   x{large / small:.2f}")


def queries(rows: int) -> dict[str, Query]:
    """One query for each way to narrow, and the awkward ones."""
    middle, late = micros(rows // 2), micros(rows // 2 + 1000)
    a_session = session(rows // 2, rows)
    deep = capture(rows // 3, rows).filename
    return {
        "no filter": (Filter(), None),
        "before, deep": (Filter(), deep),
        "frames": (Filter(kind="frame"), None),
        "snapshots": (Filter(kind="snapshot"), None),
        "session": (Filter(session=a_session), None),
        "session and frames": (Filter(session=a_session, kind="frame"), None),
        "session and snapshots, none": (Filter(session=a_session, kind="snapshot"), None),
        "since": (Filter(since_us=middle), None),
        "until": (Filter(until_us=middle), None),
        "since and until": (Filter(since_us=middle, until_us=late), None),
        "since and until, none": (Filter(since_us=middle, until_us=middle), None),
        "snapshots until": (Filter(kind="snapshot", until_us=middle), None),
        "all filters": (
            Filter(session=a_session, kind="frame", since_us=middle, until_us=late),
            capture(rows // 2 + 200, rows).filename,
        ),
    }


def list_folder(folder: Path, files: int) -> None:
    """Time the list as a folder gives it: sorted names, and a stat of each of 50."""
    folder.mkdir()
    for number in range(files):
        (folder / capture(number, files).filename).touch()

    def newest() -> None:
        for path in sorted(folder.glob("cinepi_*.jpg"), reverse=True)[:50]:
            datetime.fromtimestamp(path.stat().st_mtime).astimezone().isoformat()

    print(f"list 50 of a folder of {files} files by glob and stat: {median_ms(newest, 5):.0f} ms")


def commit_frames(folder: Path) -> None:
    """Time the transaction of one frame, and count what it writes."""
    folder.mkdir()
    journal = Journal(folder / "journal.db", clock=SystemClock(), boot="benchmark")
    payload = 0
    with journal.transaction() as transaction:
        for number in range(20_000):
            transaction.add_capture(capture(number, 40_000))
    times, before = [], written()
    for number in range(20_000, 20_000 + COMMITS):
        document = capture(number, 40_000)
        fields = msgspec.structs.asdict(document)
        payload += len(msgspec.json.encode(document))
        begin = time.perf_counter()
        with journal.transaction() as transaction:
            transaction.append(CaptureStored(**fields))
            transaction.add_capture(document)
            transaction.save_session(b"x" * 1000)
        times.append((time.perf_counter() - begin) * 1000)
    wrote = (written() - before) / COMMITS
    print(f"frame: {spread(times)}, {wrote:.0f} bytes written for {payload / COMMITS:.0f} of JSON")
    times = []
    for number in range(COMMITS):
        command = Command(id=f"id-{number}", fingerprint="f" * 64, context="c" * 100)
        begin = time.perf_counter()
        with journal.transaction() as transaction:
            transaction.finish(command, PingResult(version="1", boot="2", pid=3))
        times.append((time.perf_counter() - begin) * 1000)
    print(f"command: {spread(times)}")
    begin = time.perf_counter()
    journal.close()
    reopened = Journal(folder / "journal.db", clock=SystemClock(), boot="benchmark")
    print(f"close and open again: {(time.perf_counter() - begin) * 1000:.0f} ms")
    reopened.close()


def capture(number: int, rows: int) -> CaptureDocument:
    """A picture like a real one."""
    is_snapshot = number % SNAPSHOT_EACH == 0
    kind: CaptureKind = "snapshot" if is_snapshot else "frame"
    taken = START + number * PERIOD
    stamp = time.strftime("%Y%m%d_%H%M%S", time.gmtime(taken))
    return CaptureDocument(
        filename=f"cinepi_{stamp}.jpg",
        path=f"/opt/cinepi/captures/cinepi_{stamp}.jpg",
        size=2_345_678,
        sha256=f"{number:064x}",
        taken_at=moment(number),
        width=4056,
        height=3040,
        kind=kind,
        session=None if is_snapshot else session(number, rows),
        frame=None if is_snapshot else number,
        late_ms=0.25,
        achieved=Achieved(
            exposure_us=10_000,
            iso=100,
            analogue_gain=1.0,
            digital_gain=1.0,
            colour_temperature_k=5000,
            lux=400.0,
            sensor_temperature_c=40.0,
        ),
    )


def moment(number: int) -> str:
    """When the picture of this number was taken."""
    return rfc3339(START + number * PERIOD)


def micros(number: int) -> int:
    """The same in microseconds since 1970."""
    return (START + number * PERIOD) * 1_000_000


def session(number: int, rows: int) -> str:
    """The session that the picture of this number belongs to."""
    return f"20231114_221320_{number * SESSIONS // rows:04x}"


def median_ms(action: Callable[[], object], repeats: int = REPEATS) -> float:
    """Median time of an action, after one warm-up."""
    action()
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        action()
        times.append((time.perf_counter() - begin) * 1000)
    return statistics.median(times)


def spread(times: list[float]) -> str:
    """Median, 99th percentile and maximum in words."""
    ordered = sorted(times)
    p99 = ordered[len(ordered) * 99 // 100]
    return f"p50 {statistics.median(times):.2f}, p99 {p99:.2f}, max {ordered[-1]:.2f} ms"


def written() -> int:
    """Bytes that this process has handed to the kernel so far."""
    for line in Path("/proc/self/io").read_text().splitlines():
        if line.startswith("wchar:"):
            return int(line.split()[1])
    raise RuntimeError("the kernel does not count what this process writes")


if __name__ == "__main__":
    main()
