"""What must be true after every round, judged from MQTT and the disk alone.

`problems` is asked while no command is under way and the session takes no frames.
"""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import simplejpeg

from cinepi.capture.naming import understood
from cinepi.config.parse import parse_config
from cinepi.config.store import MOST as MOST_COPIES
from cinepi.formats.exif import read as read_exif
from cinepi.model.documents import CaptureFacts
from tests.faults.observer import FORGIVEN, Document, Observer, Sent, effects
from tests.faults.stack import Stack

RETAINED_LIMIT = 2.0
"""Retained state is the truth so many seconds after the last reconnect."""
_VOLATILE = frozenset({"at", "boot", "seq", "next_at", "lateness", "last_success_at"})


def problems(stack: Stack, observer: Observer) -> list[str]:
    """Everything that is wrong, in words."""
    _await_all_events(observer)
    observer.mend_holes()
    return [
        *_sequence(observer),
        *_files(stack, observer),
        *_sessions(stack, observer),
        *_commands(observer),
        *_snapshots(observer),
        *_configuration(stack, observer),
        *_retained(observer),
    ]


def _await_all_events(observer: Observer) -> None:
    """Whatever the journal has must come by itself; `events/replay` only says what there is."""
    while True:
        events = observer.data("events/replay", after=observer.newest, limit=500)["events"]
        if not events:
            return
        observer.await_seq(events[-1]["seq"])


def _sequence(observer: Observer) -> Iterator[str]:
    """Invariant 3."""
    if holes := observer.holes():
        yield f"events are missing: {holes[:20]}"
    yield from observer.disorder[:5]


def _files(stack: Stack, observer: Observer) -> Iterator[str]:
    """Invariant 1."""
    stored = observer.of_type("capture_stored")
    deleted = {name for event in observer.of_type("capture_deleted") for name in event["filenames"]}
    # A name may be used again once its picture is gone; the harness never lets that happen.
    for name, times in Counter(event["filename"] for event in stored).items():
        if times != 1:
            yield f"{name} was announced {times} times"
    expected = {event["filename"]: event for event in stored if event["filename"] not in deleted}
    on_disk = stack.pictures()
    if extra := on_disk - expected.keys():
        yield f"files without event: {sorted(extra)[:5]}"
    if lost := expected.keys() - on_disk:
        yield f"events without file: {sorted(lost)[:5]}"
    rows = _rows(observer)
    if rows != on_disk:
        yield f"rows and files differ: {sorted(rows ^ on_disk)[:5]}"
    for name in sorted(on_disk & expected.keys()):
        yield from _picture(stack.layout.captures / name, expected[name])


def _rows(observer: Observer) -> set[str]:
    names: set[str] = set()
    before: dict[str, str] = {}
    while True:
        page = observer.data("captures/list", limit=100, **before)
        names |= {entry["filename"] for entry in page["captures"]}
        if page["next"] is None:
            return names
        before = {"before": page["next"]}


_seen: set[tuple[str, int]] = set()


def _picture(path: Path, event: Document) -> Iterator[str]:
    """A whole JPEG whose EXIF and event agree; each file is read once."""
    name = understood(path.name)
    if name is None or not name.is_picture:
        yield f"{path.name} is no picture"
        return
    key = (path.name, path.stat().st_mtime_ns)
    if key in _seen:
        return
    _seen.add(key)
    jpeg = path.read_bytes()
    if hashlib.sha256(jpeg).hexdigest() != event["sha256"] or len(jpeg) != event["size"]:
        yield f"{path.name} is not what its event says"
    try:
        height, width = simplejpeg.decode_jpeg(jpeg, "GRAY").shape[:2]
    except ValueError as error:
        yield f"{path.name} is damaged: {error}"
        return
    if (width, height) != (event["width"], event["height"]):
        yield f"{path.name} has another size"
    wall, provenance = read_exif(jpeg)
    if wall is None or abs(wall - datetime.fromisoformat(event["taken_at"]).timestamp()) > 0.01:
        yield f"{path.name} has another time in its EXIF"
    elif abs(name.time.timestamp() - int(wall)) % 3600 >= 1:  # autumn has an hour twice
        yield f"{path.name} is not called after its time"
    keys = set(CaptureFacts.__struct_fields__) - {"achieved"}
    told = {key: msgspec.to_builtins(getattr(provenance, key)) for key in keys}
    if told != {key: event.get(key) for key in told}:
        yield f"{path.name} says {told} in its EXIF"


def missed_slots(events: Iterable[Mapping[str, Any]]) -> list[int]:
    """The slots that `frames_missed` events tell of."""
    return [slot for e in events for slot in range(e["first_frame"], e["first_frame"] + e["count"])]


def _sessions(stack: Stack, observer: Observer) -> Iterator[str]:
    """Invariant 2, for each session: every slot is a frame or was missed for a reason."""
    document = observer.data("session/get")
    for started in observer.of_type("session_started"):
        session = started["session"]
        frames = [
            event["frame"]
            for event in observer.of_type("capture_stored")
            if event.get("session") == session
        ]
        misses = [e for e in observer.of_type("frames_missed") if e["session"] == session]
        if any(not event.get("reason") for event in misses):
            yield f"a missed frame of {session} has no reason"
        missed = missed_slots(misses)
        twice = [slot for slot, times in Counter([*frames, *missed]).items() if times > 1]
        if twice:
            yield f"slots of {session} told twice: {twice[:10]}"
        slots = set(frames) | set(missed)
        if untold := set(range(max(slots, default=-1) + 1)) - slots:
            yield f"slots of {session} never told: {sorted(untold)[:10]}"
        if document["id"] == session:
            told = (document["frames"], document["missed"])
            if told != (len(frames), len(missed)):
                yield f"session {told}, but the events say {(len(frames), len(missed))}"
        if not stack.clock_was_set:
            yield from _slots_due(observer, session, started["interval"], len(slots))


def _slots_due(observer: Observer, session: str, interval: float, slots: int) -> Iterator[str]:
    """As many slots as the time had room for, by a clock that was not set meanwhile."""
    if observer.of_type("session_changed"):
        return
    kinds = ("session_started", "session_paused", "session_resumed", "session_stopped")
    active = 0.0
    stretches = 0
    since: float | None = None
    for event in observer.of_type(*kinds):
        if event["session"] != session:
            continue
        at = datetime.fromisoformat(event["at"]).timestamp()
        if event["type"] in ("session_started", "session_resumed"):
            stretches += since is None
            since = at if since is None else since
        elif since is not None:
            active += at - since
            since = None
    if since is None and abs(slots - active / interval) > stretches + 1:
        yield f"{slots} slots in {active:.1f} s of {stretches} stretches"


def _commands(observer: Observer) -> Iterator[str]:
    """Invariant 4: one answer, the same however often it is said."""
    for sent in observer.commands.values():
        if not sent.answers:
            yield f"{sent.verb} {sent.id} was never answered"
        outcomes = {
            json.dumps([answer["success"], answer.get("data"), answer.get("error")], sort_keys=True)
            for answer in sent.answers
            if answer["success"] or answer["error"]["code"] not in FORGIVEN
        }
        if sent.verb in _EFFECTIVE and len(outcomes) > 1:
            yield f"{sent.verb} {sent.id} was answered in {len(outcomes)} ways: {outcomes}"


_EFFECTIVE = frozenset({"snapshot/take", "config/patch", "captures/delete", "config/backup"})


def _done(observer: Observer, verb: str) -> list[Sent]:
    return effects(observer.commands)[verb]


def _data(sent: Sent) -> Document:
    return sent.data or {}


def _snapshots(observer: Observer) -> Iterator[str]:
    """Invariant 4: each snapshot that was promised is one picture, and there are no others."""
    told = Counter(_data(sent)["filename"] for sent in _done(observer, "snapshot/take"))
    stored = Counter(
        event["filename"]
        for event in observer.of_type("capture_stored")
        if event["kind"] == "snapshot"
    )
    if told != stored:
        yield f"snapshots answered and stored differ: {told - stored} {stored - told}"
    deletions = observer.of_type("capture_deleted")
    for sent in _done(observer, "captures/delete"):
        name = sent.arguments["filename"]
        gone = [event for event in deletions if name in event["filenames"]]
        if [event["reason"] for event in gone] != ["command"]:
            yield f"{name} was deleted {[event['reason'] for event in gone]}"


def _configuration(stack: Stack, observer: Observer) -> Iterator[str]:
    """Invariant 6."""
    text = stack.layout.config.read_text()
    config = parse_config(text, source="cinepi.yaml")
    changes = observer.of_type("config_changed")
    revisions = [event["revision"] for event in changes]
    if revisions != list(range(1, len(revisions) + 1)):
        yield f"revisions are {revisions}"
    patched = [_data(sent) for sent in _done(observer, "config/patch")]
    told = Counter(data["revision"] for data in patched if data["changed"])
    recorded = Counter(event["revision"] for event in changes if event["source"] == "command")
    if told != recorded:
        yield f"changes answered and recorded differ: {told - recorded} {recorded - told}"
    document = observer.data("config/get")
    if document["revision"] != revisions[-1]:
        yield f"revision {document['revision']} in force, {revisions[-1]} recorded"
    if document["effective"]["capture"]["quality"] != config.capture.quality:
        yield "the file is not what is in force"
    copies = Counter(_data(sent)["backup_file"] for sent in _done(observer, "config/backup"))
    if twice := [name for name, times in copies.items() if times > 1]:
        yield f"copies were promised twice: {twice[:5]}"
    kept = {path.name for path in stack.layout.backups.iterdir()}
    gone = copies.keys() - kept
    if gone and len(kept) < MOST_COPIES:  # beyond, the oldest go
        yield f"copies are not there: {sorted(gone)[:5]}"
    left = [path.name for path in stack.layout.backups.glob(".*")]
    left += [path.name for path in stack.layout.config.parent.glob(".*")]
    if left:
        yield f"temporary files are left: {left}"


def _retained(observer: Observer) -> Iterator[str]:
    """Invariant 5: `online`, and what is retained is what is so."""
    deadline = time.monotonic() + RETAINED_LIMIT
    while differences := list(_differences(observer)):
        if time.monotonic() > deadline:
            yield from differences
            return


def _differences(observer: Observer) -> Iterator[str]:
    status = observer.retained.get("status")
    if status is None or status["state"] != "online":
        yield f"status is {status}"
    for channel, verb in (("session", "session/get"), ("config", "config/get")):
        truth = _lasting(observer.data(verb))
        told = _lasting(observer.retained.get(channel, {}))
        if told != truth:
            keys = [key for key in truth.keys() | told.keys() if truth.get(key) != told.get(key)]
            yield f"retained {channel} is wrong in {keys}"
    newest = observer.data("captures/list", limit=1)["captures"]
    shown = observer.retained.get("capture", {}).get("filename")
    deleted = {n for e in observer.of_type("capture_deleted") for n in e["filenames"]}
    if newest and shown != newest[0]["filename"] and shown not in deleted:
        yield f"retained capture is {shown}, newest is {newest[0]['filename']}"


def _lasting(document: Document) -> Document:
    return {key: value for key, value in document.items() if key not in _VOLATILE}
