"""The command lines as scripts call them: with the time limits that they were promised."""

import os
import subprocess
import sys
from pathlib import Path

from cinepi.paths import ROOT_VARIABLE

LIMITS_S = {"camera status": 10, "camera settings": 10}
LIMIT_S = 30


def run(root: Path, program: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `python3 -m cinepi.PROGRAM WORD …` below `root`, as in a pipe."""
    return subprocess.run(
        [sys.executable, "-m", f"cinepi.{program}", *words],
        env={**os.environ, ROOT_VARIABLE: str(root)},
        capture_output=True,
        text=True,
        timeout=LIMITS_S.get(" ".join((program, *words[:1])), LIMIT_S),
        check=False,
    )
