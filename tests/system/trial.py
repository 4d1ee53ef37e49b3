"""Can this machine boot the box at all? `python -m tests.system.trial` tries, and says why not.

It makes both boxes where there are none yet. Exits with 77 where it cannot boot: no archive that
the boxes can be made of and none from before, or a kernel, or a container around us, that does not
let systemd start.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.system.conftest import made_box
from tests.system.machine import Machine, MachineError

CANNOT = 77


def main() -> int:
    """Boot a machine once; returns the exit code."""
    try:
        base = made_box("trixie")
        made_box("bookworm")  # here, and not within the time of a test
    except subprocess.CalledProcessError as error:
        sys.stderr.write(f"a box could not be made: {error}\n")
        return CANNOT
    with tempfile.TemporaryDirectory(prefix="cinepi-trial-") as folder:
        try:
            with Machine(base, Path(folder) / "machine") as machine:
                machine.boot()
        except (MachineError, OSError, subprocess.SubprocessError) as error:
            sys.stderr.write(f"a booted Debian is not to be had here: {error}\n")
            return CANNOT
    return 0


if __name__ == "__main__":
    sys.exit(main())
