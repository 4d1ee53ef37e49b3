"""A power cut at any instant: numbers of retained documents never go back."""

import re
import subprocess
import sys
from pathlib import Path

from tests.faults import strace

_DRIVER = """
import os, sys
from pathlib import Path
from cinepid.memory import Memory

memory = Memory(Path(sys.argv[1]))
for number in range(2500):
    if number % 100 == 0:
        memory.remember(cursor=number)
    os.write(1, b"used %d\\n" % memory.take_seq())
"""
_CALLS = ("write", "pwrite64", "ftruncate", "fsync", "fdatasync", "rename", "renameat2", "unlink")


class Disk:
    """What a power cut would leave of one file: only what was synced, under a name that was.

    Attributes:
        ceiling: In the file as it would be found; 0 where it would be found empty.
    """

    def __init__(self) -> None:
        """Nothing was written yet."""
        self.ceiling = 0
        self._written = 0
        self._synced = 0
        self._renamed: int | None = None

    def see(self, line: str) -> None:
        """Take note of a system call, as strace writes it with -y."""
        if "fsync(" in line:
            if self._is_new_file(line):
                self._synced = self._written
            elif self._renamed is not None:
                self.ceiling, self._renamed = self._renamed, None
        elif self._is_new_file(line) and (found := re.search(r"seq_ceiling\D+(\d+)", line)):
            self._written, self._synced = int(found[1]), 0
        elif " rename" in line and "state.json" in line:
            self._renamed = self._synced
            if self._synced == 0:
                self.ceiling = 0  # the new name may be there before its content

    @staticmethod
    def _is_new_file(line: str) -> bool:
        return "state.new>" in line


def test_numbers_do_not_go_back_in_a_power_cut(tmp_path: Path) -> None:
    """Each is below a ceiling that is on the disk when it is used."""
    log = tmp_path / "calls"
    calls = ",".join(f"?{name}" for name in _CALLS)  # not every kernel has all of them
    recorder = [strace.needed(), "-f", "-qq", "-y", "-s", "300", "-e", f"trace={calls}"]
    driver = [sys.executable, "-c", _DRIVER, str(tmp_path / "state.json")]
    subprocess.run([*recorder, "-o", log, *driver], check=True, stdout=subprocess.DEVNULL)
    disk = Disk()
    used = 0
    for line in log.read_text().splitlines():
        disk.see(line)
        if found := re.search(r"used (\d+)", line):
            used += 1
            assert int(found[1]) < disk.ceiling, line
    assert used == 2500
