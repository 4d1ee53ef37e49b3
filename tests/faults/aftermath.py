"""After a power cut: the camera service's parts are put together on what is left, and judged."""

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from cinepi.capture.folder import MARKER
from cinepi.clock import Clock, SystemClock, new_run_id
from cinepi.config.parse import parse_config
from cinepi.envelope import Command, Request
from cinepi.errors import CinepiError
from cinepi.journal.journal import Journal
from cinepi.paths import Layout
from cinepi.service.assembly import assemble
from cinepi.service.in_force import InForce
from cinepi.service.parts import Parts
from cinepi.service.requests import Requests

Document = dict[str, Any]


@dataclass
class Asked:
    """A request to the service, and what it answered."""

    method: str
    params: Document
    command: Command | None
    result: Document | None = None


REPEATED = frozenset({"config.patch", "config.backup", "captures.delete"})
"""What can be asked again without a camera."""


class Then(SystemClock):
    """The time when the power was back, however long it takes to judge: outcomes grow old."""

    def __init__(self, moment: float) -> None:
        """Let it be `moment` now, on the monotonic clock."""
        self._late = time.monotonic() - moment

    def wall(self) -> float:
        """See `Clock.wall`."""
        return super().wall() - self._late

    def monotonic(self) -> float:
        """See `Clock.monotonic`."""
        return super().monotonic() - self._late


def problems(
    root: Path, clock: Clock, answered: Sequence[Asked], under_way: Asked | None
) -> list[str]:
    """Everything that is wrong after a start from what a cut has left.

    Args:
        root: What is left.
        clock: When that is.
        answered: What the service had answered before the cut, and somebody had heard.
        under_way: What it had been asked last, and had not answered.
    """
    try:
        with _started(Layout(root), clock) as parts:
            if under_way is not None and under_way.method in REPEATED:
                _ask(parts, under_way)
            found = [*_events(parts, answered), *_commands(parts, answered, under_way)]
            found += [*_pictures(parts, answered), *_configuration(parts, answered, under_way)]
            return [*found, *_session(parts, answered)]
    except CinepiError as error:
        return [f"it does not start: {error!r}"]


@contextmanager
def _started(layout: Layout, clock: Clock) -> Iterator[Parts]:
    """The service up to where its threads would begin."""
    journal = Journal(layout.journal, clock=clock, boot=new_run_id())
    try:
        parts = assemble(layout, clock, journal, InForce.begin(layout, clock, journal))
        parts.configuration.finish_interrupted()
        yield parts
    finally:
        journal.close()


def _ask(parts: Parts, asked: Asked) -> None:
    """Send it again, as its sender would who has heard nothing."""
    params = msgspec.Raw(json.dumps(asked.params).encode())
    request = Request(method=asked.method, params=params, id=1, command=asked.command)
    Requests(parts).answer(request)


def _all_events(parts: Parts) -> list[Document]:
    events: list[Document] = []
    while page := parts.journal.events(len(events), 500).events:  # a page is bounded in bytes
        events += json.loads(msgspec.json.encode(page))
    return events


def _told(answered: Sequence[Asked], method: str) -> list[Document]:
    return [each.result for each in answered if each.method == method and each.result is not None]


def _events(parts: Parts, answered: Sequence[Asked]) -> Iterator[str]:
    """What was heard stays as it was; nothing is missing, and nothing is there twice."""
    if parts.journal.damage:
        yield f"the journal is damaged: {parts.journal.damage}"
    events = _all_events(parts)
    if [event["seq"] for event in events] != list(range(1, len(events) + 1)):
        yield f"events are {[event['seq'] for event in events]}"
    for told in (event for result in _told(answered, "events.read") for event in result["events"]):
        if told["seq"] > len(events) or events[told["seq"] - 1] != told:
            yield f"event {told['seq']} was heard as {told}"
            return
    if any(event["type"] == "config_recovered" for event in events):
        yield "the configuration was recovered"


def _commands(parts: Parts, answered: Sequence[Asked], under_way: Asked | None) -> Iterator[str]:
    """What was answered is known, and its effect is there."""
    for each in answered:
        if each.command is None:
            continue
        outcome = parts.journal.outcome(each.command)
        if outcome is None or json.loads(bytes(outcome)).get("result") != each.result:
            yield f"{each.method} {each.command.id} was answered, and is not known any more"
    rows = parts.journal.capture_names()
    deletions = [each for each in (*answered, under_way) if each and "filename" in each.params]
    gone = {each.params["filename"] for each in deletions}
    for result in _told(answered, "snapshot.take"):
        if result["filename"] not in rows | gone:
            yield f"the snapshot {result['filename']} is lost"
    if back := {each.params["filename"] for each in deletions if each is not under_way} & rows:
        yield f"deleted pictures are back: {back}"
    for result in _told(answered, "config.backup"):
        if not (parts.layout.backups / result["backup_file"]).exists():
            yield f"the copy {result['backup_file']} is lost"


def _pictures(parts: Parts, _answered: Sequence[Asked]) -> Iterator[str]:
    """Rows and files are the same, each is whole, and nothing else is there."""
    folder = parts.layout.captures
    files = {path.name for path in folder.iterdir() if path.is_file()} - {MARKER}
    rows = parts.journal.capture_names()
    if files != rows:
        yield f"rows and files differ: {sorted(files ^ rows)}"
    for name in sorted(files & rows):
        document = parts.journal.capture(name)
        digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        if document is None or document.sha256 != digest:
            yield f"{name} is not what its row says"
    stored = [e["data"]["filename"] for e in _all_events(parts) if e["type"] == "capture_stored"]
    if len(stored) != len(set(stored)) or not rows <= set(stored):
        yield f"pictures were announced as {stored}, and there are {sorted(rows)}"
    left = [path.name for path in parts.layout.backups.glob(".*")]
    left += [path.name for path in parts.layout.config.parent.glob(".*")]
    if left:
        yield f"temporary files are left: {left}"


def _configuration(
    parts: Parts, answered: Sequence[Asked], under_way: Asked | None
) -> Iterator[str]:
    """A whole old one or a whole new one, and in force is what the file says."""
    text = parts.layout.config.read_text()
    if parse_config(text, source="f") != parts.in_force.config:
        yield "the file is not what is in force"
    patches = [each for each in (*answered, under_way) if each and each.method == "config.patch"]
    if not patches:
        return
    told = _told(answered, "config.patch")
    revision = parts.in_force.revision
    if told and revision < told[-1]["revision"]:
        yield f"revision {told[-1]['revision']} was told, and it is {revision}"
    quality = patches[-1].params["patch"]["capture"]["quality"]
    if parts.in_force.config.capture.quality != quality:  # the last one was repeated
        yield f"quality is {parts.in_force.config.capture.quality}, not {quality}"


def _session(parts: Parts, answered: Sequence[Asked]) -> Iterator[str]:
    """It goes on where it was, and counts what it has."""
    told = _told(answered, "session.start")
    running = parts.keeper.running
    if told and (running is None or running.id != told[-1]["id"]):
        yield f"the session {told[-1]['id']} does not go on: {running}"
    if running is not None:
        frames = sum(event["data"].get("kind") == "frame" for event in _all_events(parts))
        if running.frames != frames:
            yield f"the session counts {running.frames} frames, and there are {frames}"
