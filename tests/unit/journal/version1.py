"""A journal as the version before shots wrote it: its tables, frozen, and rows for them."""

import json
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from cinepi.clock import rfc3339

SCHEMA = """
PRAGMA page_size = 2048;
PRAGMA journal_mode = WAL;
CREATE TABLE event (
    seq INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    boot TEXT NOT NULL,
    type TEXT NOT NULL,
    data BLOB NOT NULL
);
CREATE TABLE capture (
    id INTEGER PRIMARY KEY,
    filename TEXT NOT NULL UNIQUE,
    taken_us INTEGER NOT NULL,
    kind TEXT NOT NULL,
    session TEXT,
    size INTEGER NOT NULL,
    document BLOB NOT NULL
);
CREATE INDEX capture_by_kind ON capture (kind);
CREATE INDEX capture_by_session ON capture (session, kind) WHERE session IS NOT NULL;
CREATE TABLE stretch (
    first_id INTEGER PRIMARY KEY,
    first_us INTEGER NOT NULL,
    before_us INTEGER NOT NULL
);
CREATE TABLE request (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    fingerprint TEXT NOT NULL,
    context TEXT NOT NULL,
    at REAL NOT NULL,
    outcome BLOB NOT NULL,
    answered INTEGER NOT NULL
);
CREATE TABLE state (
    key TEXT PRIMARY KEY,
    value BLOB NOT NULL
);
PRAGMA user_version = 1;
"""

START = 1_790_000_000
SIZE = 2_345_678
SESSION = "20260921_132640_a1b2"
EVENTS = 100_000
"""As many as are kept: those of the pictures before have gone."""


def write(path: Path, captures: int, *, backwards: frozenset[int] = frozenset()) -> None:
    """Write a journal in the middle of a session that has taken a frame every 30 s.

    Args:
        path: Where.
        captures: Pictures, each with the event that told of it.
        backwards: Numbers of pictures before which the clock was set back by an hour.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript(SCHEMA)
    connection.execute("BEGIN")
    times = list(_times(captures, backwards))
    first = max(0, captures - EVENTS)
    weight = 0
    for number, at in enumerate(times):
        document = _document(number, at)
        data = json.dumps(document).encode()
        connection.execute(
            "INSERT INTO capture VALUES (?, ?, ?, 'frame', ?, ?, ?)",
            (number + 1, document["filename"], at * 1_000_000, SESSION, SIZE, data),
        )
        if number >= first:
            event = json.dumps({"type": "capture_stored", **document}).encode()
            weight += len(event) + 48
            connection.execute(
                "INSERT INTO event VALUES (?, ?, 'cafe', 'capture_stored', ?)",
                (number + 1, float(at), event),
            )
    for number in backwards:
        connection.execute(
            "INSERT INTO stretch VALUES (?, ?, ?)",
            (number + 1, times[number] * 1_000_000, times[number - 1] * 1_000_000),
        )
    tally = {
        "last_seq": captures,
        "first_seq": first + 1,
        "event_bytes": weight,
        "captures": captures,
        "capture_bytes": captures * SIZE,
        "last_capture": captures,
        "last_taken_us": times[-1] * 1_000_000,
    }
    for key, value in {
        "journal.tally": tally,
        "journal.session": session(captures),
        "journal.identity": None,
    }.items():
        text = "f00d" if value is None else json.dumps(value)
        connection.execute("INSERT INTO state VALUES (?, ?)", (key, text.encode()))
    connection.execute("COMMIT")
    connection.close()


def name(number: int) -> str:
    """The file of the picture of this number."""
    return time.strftime("cinepi_%Y%m%d_%H%M%S.jpg", time.gmtime(START + 30 * number))


def session(frames: int) -> dict[str, object]:
    """A session that is under way, as that version saved it."""
    return {
        "id": SESSION,
        "name": None,
        "state": "active",
        "interval": 30.0,
        "ends": {"count": None, "duration_s": None, "until": None},
        "until": None,
        "origin": 100.0,
        "first_due": 100.0,
        "started_wall": float(START),
        "slot": frames,
        "frames": frames,
        "written_wall": float(START + 30 * frames),
        "written_mono": 100.0 + 30 * frames,
        "kernel_boot": "another",
    }


def _times(captures: int, backwards: frozenset[int]) -> Iterator[int]:
    at = START
    for number in range(captures):
        at += 30 - (3600 if number in backwards else 0)
        yield at


def _document(number: int, at: int) -> dict[str, object]:
    filename = name(number)
    return {
        "filename": filename,
        "path": f"/opt/cinepi/captures/{filename}",
        "size": SIZE,
        "sha256": f"{number:064x}",
        "taken_at": rfc3339(at),
        "width": 4056,
        "height": 3040,
        "kind": "frame",
        "session": SESSION,
        "frame": number,
        "late_ms": 0.25,
        "clock_synced": True,
        "achieved": {
            "exposure_us": 10_000,
            "iso": 100,
            "analogue_gain": 1.0,
            "digital_gain": 1.0,
            "colour_temperature_k": 5000,
            "lux": 400.0,
            "sensor_temperature_c": 40.0,
        },
    }
