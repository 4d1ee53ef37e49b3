"""Pictures on disk: list, get, read, delete, verify."""

import os

import msgspec

from cinepi.capture import naming
from cinepi.capture.removal import remove
from cinepi.clock import parse_time
from cinepi.errors import InvalidArgumentError
from cinepi.journal.journal import Transaction
from cinepi.model.documents import CaptureDocument, CaptureEntry
from cinepi.protocol import (
    CHUNK,
    CaptureGetParams,
    CaptureReadParams,
    CaptureReadResult,
    CapturesDeleteParams,
    CapturesDeleteResult,
    CapturesListParams,
    CapturesListResult,
    NoParams,
    VerifyResult,
)
from cinepi.service.requests import Call, method


@method("captures.list", CapturesListParams)
def list_(call: Call[CapturesListParams]) -> CapturesListResult:
    """Newest first, a page at a time."""
    if call.params.before is not None:
        _checked(call.params.before, "/before")
    page = call.parts.journal.captures(call.params)
    entries = (
        CaptureEntry(**msgspec.structs.asdict(capture), timestamp=capture.taken_at)
        for capture in page.captures
    )
    return CapturesListResult(captures=tuple(entries), next=page.next)


@method("captures.get", CaptureGetParams)
def get(call: Call[CaptureGetParams]) -> CaptureDocument:
    """What is known about one picture."""
    return _known(call.parts.journal.capture(_checked(call.params.filename)), call.params.filename)


@method("captures.read", CaptureReadParams, is_slow=True)
def read(call: Call[CaptureReadParams]) -> CaptureReadResult:
    """A part of the bytes of a picture, or of its preview."""
    name, offset = _checked(call.params.filename), call.params.offset
    if call.params.preview:
        preview = call.parts.taker.preview_of(name)
        return CaptureReadResult(data=preview[offset : offset + CHUNK], total=len(preview))
    descriptor = call.parts.store.open(name)
    try:
        total = os.fstat(descriptor).st_size
        return CaptureReadResult(data=os.pread(descriptor, CHUNK, offset), total=total)
    finally:
        os.close(descriptor)


@method("captures.delete", CapturesDeleteParams, is_slow=True)
def delete(call: Call[CapturesDeleteParams]) -> CapturesDeleteResult:
    """Delete what was named, or what fits the filter."""
    chosen = _chosen(call)
    result = CapturesDeleteResult(
        filenames=tuple(name for name, _ in chosen),
        bytes=sum(size for _, size in chosen),
        dry_run=call.params.dry_run,
    )

    def also(tx: Transaction) -> None:
        tx.finish(call.command, result)

    if chosen and not call.params.dry_run:
        remove(call.parts.store, call.parts.journal, result.filenames, "command", also)
    return result


@method("captures.verify", NoParams, is_slow=True)
def verify(call: Call[NoParams]) -> VerifyResult:
    """Look at every picture: is it whole, and does the index know it?"""
    known = call.parts.journal.capture_names()
    report = call.parts.store.survey(known)
    return VerifyResult(
        checked=report.checked,
        damaged=report.damaged,
        missing=report.missing,
        unknown=report.unknown,
    )


def _chosen(call: Call[CapturesDeleteParams]) -> list[tuple[str, int]]:
    params = call.params
    names = [*(params.filenames or ()), *((params.filename,) if params.filename else ())]
    has_filter = any((params.session, params.kind, params.since, params.until))
    if bool(names) == has_filter:
        message = "give either filename or filenames, or a filter of session, kind, since and until"
        raise InvalidArgumentError(message)
    if names:
        found = [
            _known(call.parts.journal.capture(_checked(name)), name)
            for name in dict.fromkeys(names)
        ]
        return [(capture.filename, capture.size) for capture in found]
    for field in ("since", "until"):
        if text := getattr(params, field):
            parse_time(text, f"/{field}")
    return list(
        call.parts.journal.matching_captures(
            session=params.session, kind=params.kind, since=params.since, until=params.until
        )
    )


def _checked(filename: str, field: str = "/filename") -> str:
    naming.parse_name(filename, field)
    return filename


def _known(capture: CaptureDocument | None, name: str) -> CaptureDocument:
    if capture is None:
        message = f"there is no capture {name}"
        raise InvalidArgumentError.at("/filename", message)
    return capture
