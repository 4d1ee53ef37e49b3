import os
import subprocess
import sys
from pathlib import Path

from cinepi.clock import SystemClock
from cinepi.config import store
from cinepi.config.load import parse_config
from cinepi.paths import Layout

KILLS = 20
_WRITER = """
import itertools, sys
from pathlib import Path
from cinepi.clock import SystemClock
from cinepi.config import store
from cinepi.paths import Layout

layout, clock = Layout(Path(sys.argv[1])), SystemClock()
for days in itertools.count(int(sys.argv[2])):
    print(flush=True)
    store.write(layout, f"system:\\n  backup_days: {days}\\n" + "# end\\n" * days)
    store.back_up(layout, clock)
"""


_LOADER = """
import sys
from pathlib import Path
from cinepi.clock import SystemClock
from cinepi.config.load import load
from cinepi.paths import Layout

layout, clock = Layout(Path(sys.argv[1])), SystemClock()
for _ in range(50):
    layout.config.write_text("camera: [")
    assert load(layout, clock).reading.config.camera.iso == 400
"""


def _start(program: str, *args: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", program, *args],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


def test_a_kill_leaves_a_whole_file(tmp_path: Path) -> None:
    """Whenever the writer is killed, the file and all copies are whole: one of those written."""
    layout = Layout(tmp_path)
    seen = set()
    for kill in range(1, KILLS + 1):
        with _start(_WRITER, str(tmp_path), str(100 * kill)) as writer:
            assert writer.stdout is not None
            for _ in range(2 + kill % 4):  # each line announces a write, which is then under way
                assert writer.stdout.readline() == b"\n"
            writer.kill()
        copies = [path.read_text() for path in layout.backups.glob("cinepi_backup_*.yaml")]
        for text in [store.read(layout), *copies]:
            days = parse_config(text, source="f").system.backup_days
            assert text.count("# end\n") == days
            seen.add(days)
    assert len(seen) >= KILLS


def test_there_is_a_file_at_every_moment_of_a_recovery(tmp_path: Path) -> None:
    """Whenever the power goes during a recovery, the next start finds a file to go on from."""
    layout = Layout(tmp_path)
    store.write(layout, "camera: {iso: 400}")
    store.back_up(layout, SystemClock())
    with _start(_LOADER, str(tmp_path)) as loader:
        while loader.poll() is None:
            assert layout.config.exists()
    assert loader.returncode == 0
