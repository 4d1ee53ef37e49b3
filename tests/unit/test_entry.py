"""Programs that cannot even begin, or are not let."""

import subprocess
import sys
from pathlib import Path

import pytest

import cinepi


def _run(program: str, *options: str, path: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *options, "-m", program, "--help"],
        cwd=Path(cinepi.__file__).parents[1],
        env={"PYTHONPATH": str(path)},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


@pytest.mark.parametrize("program", ["cinepid", "cinepid.ctl"])
def test_ctrl_c_while_a_program_is_loaded_is_no_traceback(program: str, tmp_path: Path) -> None:
    """It comes at an import that everything needs."""
    (tmp_path / "msgspec.py").write_text("raise KeyboardInterrupt\n")
    done = _run(program, path=tmp_path)
    assert done.returncode == 130
    assert done.stderr == ""


@pytest.mark.parametrize("program", ["cinepid", "cinepid.ctl"])
def test_a_python_without_the_packages_is_told(program: str, tmp_path: Path) -> None:
    """In one sentence."""
    done = _run(program, "-S", path=tmp_path)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert ".venv/bin/python3" in done.stderr
