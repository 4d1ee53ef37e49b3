import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cinepi.clock import SystemClock
from cinepi.journal.filter import Filter
from cinepi.journal.journal import Journal

KILLS = 20

WRITER = """
import sys
from pathlib import Path
from cinepi.clock import SystemClock
from cinepi.journal.journal import Journal
from cinepi.model.documents import CaptureDocument
from cinepi.model.events import StorageRecovered

journal = Journal(Path(sys.argv[1]), clock=SystemClock(), boot="child", max_rows=300)
print("open", flush=True)
while True:
    with journal.transaction() as transaction:
        seq = transaction.append(StorageRecovered(free_bytes=1))
        transaction.add_capture(CaptureDocument(
            filename=f"{seq:08}.jpg", path="/", size=seq, sha256="", kind="frame", session="s",
            taken_at="2026-11-23T09:30:00Z", width=1, height=1))
        if seq % 5 == 0:
            transaction.remove_captures([f"{seq - 3:08}.jpg"])
        transaction.save_session(str(seq).encode() + b" " * 3000)
    print(seq, flush=True)
"""


@pytest.mark.timeout(120)
def test_what_was_committed_survives_kill_9(path: Path) -> None:
    """After each of many kills, all that was confirmed is there, whole, without a hole."""
    confirmed = 0
    for turn in range(KILLS):
        confirmed = max(confirmed, _write_until_killed(path, commits=1 + turn * turn * 7 % 113))
        journal = Journal(path, clock=SystemClock(), boot="parent", max_rows=300)
        result = journal.events(0, 10_000)
        seqs = [entry.seq for entry in result.events]
        files = journal.matching_captures(Filter())
        last, totals, session = (
            journal.last_seq,
            journal.capture_totals(),
            journal.saved_session(int),
        )
        was_clean, damage = journal.ended_cleanly, journal.damage
        journal.close()
        assert confirmed <= last <= confirmed + 1
        assert seqs == list(range(last - len(seqs) + 1, last + 1))
        assert result.lost == last - len(seqs)
        assert totals == (len(files), sum(size for _, size in files))
        assert totals[0] == last - last // 5
        assert session == last
        assert not was_clean
        assert damage is None


def _write_until_killed(path: Path, commits: int) -> int:
    """Let a child commit about so often, kill it in the middle, and return its last word."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    ) as child:
        assert child.stdout is not None
        said = [child.stdout.readline() for _ in range(1 + commits)]
        child.send_signal(signal.SIGKILL)
        said += child.stdout.readlines()
        return int(said[-1]) if len(said) > 1 else 0
