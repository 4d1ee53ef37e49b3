import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

OWN_MOUNTS = ["unshare", "--map-root-user", "--mount"]

WRITER = """
import json, os, sys
from pathlib import Path
from cinepi.clock import SystemClock
from cinepi.errors import StorageFullError
from cinepi.journal.journal import Journal
from cinepi.model.events import CameraLost

class Clock(SystemClock):
    later = 0.0
    def monotonic(self):
        return super().monotonic() + self.later

folder, clock = Path(sys.argv[1]), Clock()
ballast, filler = folder / "journal.ballast", folder / "filler"

def journal():
    return Journal(folder / "journal.db", clock=clock, boot="full")

def append(times=1, size=2000):
    for _ in range(times):
        with opened.transaction() as transaction:
            transaction.append(CameraLost(message="x" * size, rung="reopen"))
            transaction.set_value("seq", str(opened.last_seq + 1))

said = {}
opened = journal()
append()
said["ballast held"] = ballast.stat().st_blocks * 512
with filler.open("wb", buffering=0) as file:
    try:
        while file.write(b"x" * 4096):
            pass
    except OSError:
        pass
before = opened.last_seq
append(size=50_000)
said["written into the ballast"] = opened.last_seq - before
said["ballast after"] = ballast.exists()
try:
    append(10_000)
except StorageFullError as error:
    said["full"] = error.code
last = opened.last_seq
said["whole"] = opened.value("seq") == str(last) and len(opened.events(0, 9999).events) == last
opened.close()
opened = journal()
said["opened on a full disk"] = opened.last_seq == last and opened.damage is None
filler.unlink()
clock.later = 60.0
append()
said["goes on"] = opened.last_seq == last + 1
said["ballast again"] = ballast.stat().st_blocks * 512
opened.close()
print(json.dumps(said))
"""


def may_mount() -> bool:
    """Whether this user may mount a small disk in a namespace of its own."""
    return subprocess.run([*OWN_MOUNTS, "true"], check=False, capture_output=True).returncode == 0


@pytest.mark.skipif(not may_mount(), reason="this user may not mount a small disk")
def test_a_full_disk_costs_nothing_that_was_confirmed(tmp_path: Path) -> None:
    """The ballast lets the journal write on; then an error says so, and with space it recovers."""
    mount = 'mount -t tmpfs -o size=24m none "$0" && exec "$1" -c "$2" "$0"'
    done = subprocess.run(
        [*OWN_MOUNTS, "sh", "-c", mount, tmp_path, sys.executable, WRITER],
        check=True,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert json.loads(done.stdout) == {
        "ballast held": 1024 * 1024,
        "written into the ballast": 1,
        "ballast after": False,
        "full": "storage_full",
        "whole": True,
        "opened on a full disk": True,
        "goes on": True,
        "ballast again": 1024 * 1024,
    }
