"""What logs cost: `python -m benchmarks.logs [--small]`.

Importing and using the set-up, with and without rich; then finding 50 entries in a log of 1 GB.
Each measurement runs in a process of its own, because memory that was used once stays with it.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from cinepi.logs.entry import LogEntry, line_of

REPEATS = 7
CHUNK_LINES = 50_000

MEASURE = """
import json, sys, time
def pss():
    with open("/proc/self/smaps_rollup") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
def peak():
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024
def forget_peak():
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
"""
IMPORT = """
before, begin = pss(), time.perf_counter()
{what}
ms = (time.perf_counter() - begin) * 1000
print(json.dumps([ms, pss() - before]))
"""
SEARCH = """
from pathlib import Path
from cinepi.logs.recent import search
path, wanted = Path(sys.argv[1]), json.loads(sys.argv[2])
search([Path("/none")], limit=1, since="2026-01-01")
forget_peak()
before, begin = peak(), time.perf_counter()
found = search([path], **wanted)
ms = (time.perf_counter() - begin) * 1000
print(json.dumps([ms, peak() - before, len(found.entries), *found.notes]))
"""
WRITE = """
from pathlib import Path
from cinepi.logs.setup import logger, set_up
set_up(Path(sys.argv[1]) / "written.log", "info", to_stderr=False)
log, turns = logger("camera"), 20_000
begin = time.perf_counter()
for number in range(turns):
    log.info("frame taken", frame=number, late_ms=0.25)
written = time.perf_counter()
for number in range(turns):
    log.debug("frame taken", frame=number, late_ms=0.25)
print(json.dumps([(written - begin) / turns * 1e6, (time.perf_counter() - written) / turns * 1e6]))
"""
IMPORTS = {
    "msgspec, as a base": "import msgspec",
    "cinepi.logs.recent": "import cinepi.logs.recent",
    "cinepi.logs.setup": "import cinepi.logs.setup",
    "structlog as it comes": "import structlog",
    "structlog as it comes, msgspec": "import structlog, msgspec",
}
SEARCHES = {
    "newest 50": {"limit": 50},
    "newest 500": {"limit": 500},
    "50 warnings, 1 line in 1000": {"limit": 50, "level": "warning"},
    "50 of a module, 1 line in 100": {"limit": 50, "module": "storage"},
    "errors, none there": {"limit": 50, "level": "error"},
    "of a module, none there": {"limit": 50, "module": "nobody"},
    "of a module named in each line": {"limit": 50, "module": "named"},
    "since a time that all are after": {"limit": 50, "since": "2026-01-01T00:00:00Z"},
    "since a time that none is after": {"limit": 50, "since": "2028-01-01T00:00:00Z"},
}


def main() -> None:
    """Run all and print one line for each measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="a log of 100 MB, for a quick look")
    size = 100_000_000 if parser.parse_args().small else 1_000_000_000
    for name, what in IMPORTS.items():
        ms, memory = medians(IMPORT.format(what=what))
        print(f"import {name:<32} {ms:6.1f} ms {memory:6.1f} MB PSS")
    with tempfile.TemporaryDirectory() as folder:
        written, dropped = medians(WRITE, folder)
        print(f"an entry: {written:.1f} µs to the file, {dropped:.1f} µs below the level")
        path = Path(folder) / "system.log"
        make_log(path, size)
        print(f"a log of {path.stat().st_size / 1e6:.0f} MB:")
        for name, wanted in SEARCHES.items():
            results = [run(SEARCH, str(path), json.dumps(wanted)) for _ in range(REPEATS)]
            ms = statistics.median(float(result[0]) for result in results)
            memory = max(float(result[1]) for result in results)
            found, *notes = results[0][2:]
            print(f"  {name:<33} {ms:6.1f} ms {memory:5.1f} MB more, {found} found", *notes)


def make_log(path: Path, size: int) -> None:
    """Write a log of real lines, the same ones over and over."""
    chunk = b"".join(line_of(entry(number)) for number in range(CHUNK_LINES))
    with path.open("wb") as file:
        while file.tell() < size:
            file.write(chunk)


def entry(number: int) -> LogEntry:
    """A line such as the service writes."""
    return LogEntry(
        timestamp=f"2026-11-23T09:{number // 1000:02}:{number % 60:02}.{number % 1000:03}Z",
        level="warning" if number % 1000 == 1 else "info",
        module="storage" if number % 100 == 2 else "camera",
        message="frame taken",
        fields={"frame": number, "late_ms": 0.25, "by": "named", "file": f"cinepi_{number}.jpg"},
    )


def medians(script: str, *arguments: str) -> list[float]:
    """The medians of a script's numbers over several processes."""
    results = [run(script, *arguments) for _ in range(REPEATS)]
    return [statistics.median(map(float, column)) for column in zip(*results, strict=True)]


def run(script: str, *arguments: str) -> list[str | float]:
    """Run a script in a new process and return what it printed as JSON."""
    command = [sys.executable, "-c", MEASURE + script, *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    result: list[str | float] = json.loads(done.stdout)
    return result


if __name__ == "__main__":
    main()
