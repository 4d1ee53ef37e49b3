import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

START = """
import json, logging, os, sys
from pathlib import Path
from cinepi.logs.setup import logger, set_level, set_up
log = logger("camera")
path = Path(sys.argv[1])
"""


def run(script: str, path: Path, **environment: str) -> tuple[list[dict[str, object]], list[str]]:
    """Run a program that logs, and return its log and what it said on standard error."""
    done = subprocess.run(
        [sys.executable, "-W", "default", "-c", START + script, str(path)],
        check=True,
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            **environment,
        },
    )
    assert done.stdout == ""
    log = path.read_text().splitlines() if path.is_file() else []
    return [json.loads(line) for line in log], done.stderr.splitlines()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the log lies."""
    return tmp_path / "log" / "system.log"


def test_entries_reach_the_file_with_all_their_parts(path: Path) -> None:
    """Level, module, words, particulars and tracebacks are in the file, and nothing on stderr."""
    log, said = run(
        """
set_up(path, "info", to_stderr=False)
log.debug("not this")
log.info("hello", iso=400, text="two\\nlines")
try:
    1 / 0
except ZeroDivisionError:
    log.exception("it broke", frame=7)
log.critical("very bad", exc_info=ValueError("a value"))
""",
        path,
    )
    hello, broke, bad = log
    assert hello.pop("timestamp")
    assert hello == {
        "level": "info",
        "module": "camera",
        "message": "hello",
        "fields": {"iso": 400, "text": "two\nlines"},
    }
    assert (broke["level"], broke["fields"]) == ("error", {"frame": 7})
    assert str(broke["exception"]).endswith("ZeroDivisionError: division by zero")
    assert (bad["level"], bad["exception"]) == ("error", "ValueError: a value")
    assert said == []


def test_before_set_up_only_what_is_serious_is_said(path: Path) -> None:
    """A tool that uses our parts without setting up logs shows warnings on stderr, and no more."""
    log, said = run('log.info("hello"); log.warning("careful", free_bytes=0)', path)
    assert log == []
    [line] = said
    assert line.endswith("WARNING camera: careful free_bytes=0")


def test_the_level_changes_for_every_logger(path: Path) -> None:
    """Loggers made and bound before follow a later change of the level."""
    log, _ = run(
        """
set_up(path, "error", to_stderr=False)
bound = log.bind(session="s1")
bound.info("no"); log.warning("no")
set_level("debug")
bound.info("one"); log.debug("two"); logger("new").debug("three")
set_level("error")
bound.info("no"); log.warning("no")
""",
        path,
    )
    assert [entry["message"] for entry in log] == ["one", "two", "three"]
    assert log[0]["fields"] == {"session": "s1"}


def test_warnings_of_libraries_arrive(path: Path) -> None:
    """What libraries log in Python's way comes from warnings on, with their name as the module."""
    log, said = run(
        """
import warnings
set_up(path, "debug", to_stderr=False)
logging.getLogger("apscheduler").setLevel("DEBUG")
logging.getLogger("apscheduler").info("chatter")
logging.getLogger("apscheduler").warning("missed by %s", "3 s")
logging.getLogger("odd").error("%d", "no number")
warnings.warn("old way", DeprecationWarning)
""",
        path,
    )
    assert [(entry["module"], entry["message"]) for entry in log[:2]] == [
        ("apscheduler", "missed by 3 s"),
        ("odd", "%d"),
    ]
    assert [entry["level"] for entry in log] == ["warning", "error", "warning"]
    assert "old way" in str(log[2]["message"])
    assert said == []


def test_a_log_that_cannot_be_written_is_one_warning(tmp_path: Path) -> None:
    """The program goes on without its file, and says so once; stderr has the entries."""
    (tmp_path / "file").touch()
    log, said = run(
        'set_up(path, "info", to_stderr=True); log.info("one"); log.info("two")',
        tmp_path / "file" / "system.log",
    )
    assert log == []
    complaint, one, two = said
    assert "cannot be written" in complaint
    assert (one[-3:], two[-3:]) == ("one", "two")


def test_journald_gets_a_priority_on_each_line(path: Path) -> None:
    """Under systemd each line begins with its priority, those of a traceback too."""
    _, said = run(
        """
status = os.fstat(2)
os.environ["JOURNAL_STREAM"] = f"{status.st_dev}:{status.st_ino}"
set_up(path, "debug", to_stderr=True)
log.warning("careful", reason="two\\nlines")
log.debug("detail")
log.error("broken", exc_info=ValueError("a\\nb"))
os.environ["JOURNAL_STREAM"] = "1:1"
log.info("elsewhere")
""",
        path,
    )
    assert said[:4] == [
        r"<4>camera: careful reason=two\nlines",
        "<7>camera: detail",
        "<3>camera: broken",
        "<3>ValueError: a",
    ]
    assert said[4] == "<3>b"
    assert not said[5].startswith("<")


def test_passing_on_cannot_break_or_loop(path: Path) -> None:
    """A forwarder gets every entry; that it raises, or logs itself, disturbs nobody."""
    log, said = run(
        """
seen = []
def forward(entry):
    seen.append(entry.message)
    log.warning("from the forwarder")
    if entry.message == "two":
        raise OSError("broker is gone")
set_up(path, "info", forward=forward, to_stderr=False)
log.info("one"); log.info("two"); log.info("three")
log.info(json.dumps(seen))
""",
        path,
    )
    assert json.loads(str(log[-2]["message"])) == ["one", "two", "three"]
    assert [entry["message"] for entry in log].count("from the forwarder") == 4
    assert said == ["a log entry could not be passed on: OSError('broker is gone')"]


def test_rich_is_not_loaded_and_can_be(path: Path) -> None:
    """Setting up logs costs no memory for rich, and a program that wants rich can have it."""
    log, _ = run(
        """
set_up(path, "info", to_stderr=False)
log.info("before", modules=[name for name in sys.modules if name.startswith("rich")])
import rich.table
log.info("after", table=str(rich.table.Table))
""",
        path,
    )
    assert log[0]["fields"] == {"modules": []}
    assert "Table" in str(log[1]["fields"])
