"""A picture from a device into a folder, over MQTT: in parts, checked against its digest."""

import asyncio
import hashlib
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from cinepi.errors import CinepiError
from cinepi.units import Bytes, Seconds
from cinepid import topics
from cinepid.ctl.ask import Command, Reply
from cinepid.ctl.documents import Capture, CaptureFile
from cinepid.ctl.text import count, safe, size
from cinepid.ctl.verdict import reason
from cinepid.ctl.work import Work
from cinepid.decode import decoded
from cinepid.message import Incoming

MAX_BYTES: Bytes = 256 * 1024 * 1024
"""A device that announces a longer picture is not believed."""
PART_LIMIT: Seconds = 20.0
"""A transfer in which no part came for so long has ended."""
_MAX_PARTS = 100_000


class _Transfer(msgspec.Struct, frozen=True):
    topic: str = ""
    parts: int = 0
    size: int = 0


class _Found(msgspec.Struct, frozen=True):
    capture: Capture
    transfer: _Transfer | None = None


_FOUND = msgspec.json.Decoder(_Found)


class Receiver:
    """Puts the parts together as they come, before and after the answer that announces them."""

    def __init__(self, device: str) -> None:
        """Take parts from this device."""
        self._prefix = topics.Topics(device).response("captures/get") + "/"
        self._parts: dict[str, dict[int, bytes]] = {}
        self.news = asyncio.Event()

    @property
    def filter(self) -> str:
        """What to listen to."""
        return f"{self._prefix}#"

    def hear(self, message: Incoming) -> None:
        """Take a message, if it is a part."""
        if message.topic.startswith(self._prefix):
            topic, _, number = message.topic.rpartition("/")
            if number.isdecimal() and int(number) < _MAX_PARTS:
                self._parts.setdefault(topic, {})[int(number)] = message.payload
                self.news.set()

    def received(self, topic: str) -> Bytes:
        """How much of a transfer is here."""
        return sum(map(len, self._parts.get(topic, {}).values()))

    def whole(self, topic: str, parts: int) -> bytes | None:
        """All of it; None while a part is missing."""
        have = self._parts.get(topic, {})
        if any(number not in have for number in range(parts)):
            return None
        return b"".join(have[number] for number in range(parts))


async def fetch(
    work: Work, device: str, filename: str, folder: Path, *, what: str = "full"
) -> Path | None:
    """Bring a picture into a folder; returns its file, or says why it is not there.

    Raises:
        BrokerError: The connection was lost.
    """
    known = work.survey.fleet.devices.get(device)
    if known is None:
        return None
    receiver = Receiver(device)
    work.link.hearers.append(receiver.hear)
    try:
        await work.link.listen(receiver.filter, qos=1, with_retained=False)
        command = Command("captures/get", {"filename": filename, "as": what}, work.options.timeout)
        outcome = await work.ask(command, [known])
        reply = outcome.replies.get(device)
        if reply is None or not reply.has_done_it:
            why = reason(reply) if reply else "no answer"
            work.output.note(f"{device}: {filename} was not fetched: {why}")
            return None
        return await _receive(work, receiver, reply, folder, filename=filename, what=what)
    except (OSError, CinepiError) as error:
        work.output.note(f"{device}: {filename} was not fetched: {error}")
        return None
    finally:
        work.link.hearers.remove(receiver.hear)


async def _receive(
    work: Work, receiver: Receiver, reply: Reply, folder: Path, *, filename: str, what: str
) -> Path:
    found = decoded(_FOUND, reply.answer.data)
    transfer = None if found is None else found.transfer
    if found is None or transfer is None or not _is_credible(transfer):
        raise CinepiError("the device announces no picture that could be one")
    lost = work.link.connection.lost
    while (data := receiver.whole(transfer.topic, transfer.parts)) is None:
        _show_progress(reply.device, receiver.received(transfer.topic), transfer.size)
        receiver.news.clear()
        news = asyncio.ensure_future(receiver.news.wait())
        waiting: set[asyncio.Future[Any]] = {news, lost}
        done, _ = await asyncio.wait(
            waiting, timeout=PART_LIMIT, return_when=asyncio.FIRST_COMPLETED
        )
        news.cancel()
        if not done or lost.done():
            have = f"{size(receiver.received(transfer.topic))} of {size(transfer.size)}"
            raise CinepiError(f"only {have} came")
    _show_progress(reply.device, transfer.size, transfer.size)
    if len(data) != transfer.size:
        raise CinepiError(f"{count(len(data), 'byte')} came instead of {transfer.size}")
    files: tuple[CaptureFile, ...] = (found.capture, *found.capture.files)
    digest = next((file.sha256 for file in files if file.filename == filename), "")
    if what == "full" and digest and hashlib.sha256(data).hexdigest() != digest:
        raise CinepiError("it arrived damaged: its digest is wrong")
    return _store(folder / reply.device, filename, what, data)


def _is_credible(transfer: _Transfer) -> bool:
    return 0 < transfer.size <= MAX_BYTES and transfer.parts <= _MAX_PARTS


def _store(folder: Path, filename: str, what: str, data: bytes) -> Path:
    """Write the file whole or not at all, under a name that stays inside the folder."""
    name = Path(filename).name
    if name != filename or name.startswith(".") or safe(name) != name:
        raise CinepiError(f"{filename!r} is no name for a file")
    if what == "preview":
        name = f"preview_{name}"
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".{name}.{os.getpid()}"
    try:
        temporary.write_bytes(data)
        temporary.replace(folder / name)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()
    return folder / name


def _show_progress(device: str, have: Bytes, whole: Bytes) -> None:
    """One line on the terminal that is written over, and gone in the end."""
    if not sys.stderr.isatty():
        return
    if have >= whole:
        sys.stderr.write("\r\x1b[K")
    else:
        width = 30
        full = width * have // whole
        bar = "#" * full + "." * (width - full)
        sys.stderr.write(f"\r{device}  [{bar}] {size(have)} of {size(whole)}\x1b[K")
    sys.stderr.flush()
