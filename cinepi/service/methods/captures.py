"""Pictures on disk: list, get, read, delete, verify."""

import os
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import msgspec

from cinepi.capture import naming
from cinepi.capture.removal import remove, tell_missing
from cinepi.capture.sweep import survey
from cinepi.errors import InvalidArgumentError, Problem
from cinepi.journal.captures import microseconds
from cinepi.journal.filter import Filter
from cinepi.model.documents import CaptureDocument, CaptureEntry
from cinepi.protocol import (
    CHUNK,
    MAX_NAMES,
    AcceptResult,
    CaptureGetParams,
    CaptureReadParams,
    CaptureReadResult,
    CapturesDeleteParams,
    CapturesDeleteResult,
    CapturesListParams,
    CapturesListResult,
    NoParams,
    VerifyParams,
    VerifyResult,
)
from cinepi.service.requests import Call, method


@method("captures.list", CapturesListParams)
def list_(call: Call[CapturesListParams]) -> CapturesListResult:
    """Newest first, a page at a time."""
    if call.params.before is not None:
        _checked(call.params.before, "/before")
    params = call.params
    page = call.parts.journal.captures(_filter(params), before=params.before, limit=params.limit)
    entries = (
        CaptureEntry(**msgspec.structs.asdict(capture), timestamp=capture.taken_at)
        for capture in page.captures
    )
    return CapturesListResult(captures=tuple(entries), next=page.next)


@method("captures.get", CaptureGetParams, lane="work")
def get(call: Call[CaptureGetParams]) -> CaptureDocument:
    """What is known about one shot, by the name of any of its files, of which there is one."""
    capture = _known(call, call.params.filename)
    os.close(_opened(call, call.params.filename))
    return capture


@method("captures.read", CaptureReadParams, lane="work")
def read(call: Call[CaptureReadParams]) -> CaptureReadResult:
    """A part of the bytes of any file of a shot, or of the preview of its picture."""
    name, offset = _checked(call.params.filename), call.params.offset
    descriptor = _opened(call, name)
    try:
        if call.params.preview:
            preview = call.parts.taker.preview_of(name)
            return CaptureReadResult(data=preview[offset : offset + CHUNK], total=len(preview))
        total = os.fstat(descriptor).st_size
        return CaptureReadResult(data=os.pread(descriptor, CHUNK, offset), total=total)
    finally:
        os.close(descriptor)


@method("captures.delete", CapturesDeleteParams, lane="work", limit_s=3600)
def delete(call: Call[CapturesDeleteParams]) -> CapturesDeleteResult:
    """Delete what was named, or what fits the filter."""
    chosen = _chosen(call)
    names = tuple(name for name, _ in chosen)
    result = CapturesDeleteResult(
        count=len(names),
        bytes=sum(size for _, size in chosen),
        filenames=names[:MAX_NAMES],
        dry_run=call.params.dry_run,
    )
    if chosen and not call.params.dry_run:
        remove(
            call.parts.store,
            call.parts.journal,
            names,
            "command",
            command=call.command,
            result=result,
        )
    return result


@method("captures.verify", VerifyParams, lane="work", limit_s=86_400)  # reads every picture
def verify(call: Call[VerifyParams]) -> VerifyResult:
    """Look at every file: is it whole, does the index know it, and is it what was written?"""
    journal = call.parts.journal

    def digest_of(name: str) -> str | None:
        capture = journal.capture(name) if call.params.digest else None
        file = capture and capture.file(name)
        return file.sha256 or None if file else None

    store = call.parts.store
    store.check()
    report = survey(store.folder, journal.capture_names, digest_of)
    unknown = _not_known(call, report.unknown)
    missing = (*_taken_out(call, report.missing), *_companions_missing(call))
    return VerifyResult(
        checked=report.checked,
        damaged=report.damaged[:MAX_NAMES],
        missing=missing[:MAX_NAMES],
        unknown=unknown[:MAX_NAMES],
        damaged_count=len(report.damaged),
        missing_count=len(missing),
        unknown_count=len(unknown),
    )


@method("captures.accept", NoParams, lane="work")
def accept(call: Call[NoParams]) -> AcceptResult:
    """Go on in a folder that is another one than before."""
    result = AcceptResult(captures=call.parts.journal.capture_totals()[0])
    call.parts.tidying.accept(lambda tx: tx.finish(call.command, result))
    return result


def _opened(call: Call[Any], name: str) -> int:
    """A descriptor of a file; a shot whose picture is gone leaves the index as well.

    Raises:
        InvalidArgumentError: There is no such file.
    """
    try:
        return call.parts.store.open(name)
    except InvalidArgumentError as error:
        capture = call.parts.journal.capture(name)
        is_picture = capture is not None and capture.filename == name
        if call.parts.store.has_changed or not is_picture or not _taken_out(call, [name]):
            raise
        message = f"the file of {name} is gone: somebody has removed it; the index has let it go"
        raise InvalidArgumentError.at("/filename", message) from error


def _taken_out(call: Call[Any], names: Sequence[str]) -> tuple[str, ...]:
    """Those of the names that were in the index, and of which there is no file; told as missing.

    Of a folder that is not the known one they are not taken out.
    """
    if call.parts.store.has_changed:
        return tuple(names)
    return tuple(chain.from_iterable(tell_missing(call.parts.store, call.parts.journal, names)))


def _companions_missing(call: Call[Any]) -> Iterator[str]:
    """What the index has beside pictures, and the folder has not; the pictures stay known."""
    before: str | None = None
    while True:
        page = call.parts.journal.captures(Filter(), before=before, limit=MAX_NAMES)
        names = [file.filename for capture in page.captures for file in capture.files]
        for name in call.parts.store.missing(names) if names else ():
            if call.parts.journal.capture(name) is not None:  # else it was deleted meanwhile
                yield name
        before = page.next
        if before is None:
            return


def _not_known(call: Call[Any], names: Sequence[str]) -> tuple[str, ...]:
    """Those of the names that the index still lacks once no picture is being stored."""
    known: set[str] = set()
    call.parts.taker.between_pictures(lambda: known.update(call.parts.journal.capture_names()))
    gone = set(call.parts.store.missing(names))
    return tuple(name for name in names if name not in known and name not in gone)


def _chosen(call: Call[CapturesDeleteParams]) -> list[tuple[str, int]]:
    params = call.params
    names = [*(params.filenames or ()), *((params.filename,) if params.filename else ())]
    has_filter = any((params.session, params.kind, params.since, params.until))
    if bool(names) == has_filter:
        message = "give either filename or filenames, or a filter of session, kind, since and until"
        raise InvalidArgumentError(message)
    if names:
        return _named(call)
    return list(call.parts.journal.matching_captures(_filter(params)))


def _filter(params: CapturesListParams | CapturesDeleteParams) -> Filter:
    """What the journal is to search for.

    Raises:
        InvalidArgumentError: `since` or `until` is no time.
    """
    return Filter(
        session=params.session,
        kind=params.kind,
        since_us=None if params.since is None else microseconds(params.since, "/since"),
        until_us=None if params.until is None else microseconds(params.until, "/until"),
    )


def _named(call: Call[CapturesDeleteParams]) -> list[tuple[str, int]]:
    """The pictures named, each once.

    Raises:
        InvalidArgumentError: With every name that is none, or of no picture.
    """
    found: dict[str, int] = {}
    problems: list[Problem] = []
    names = {f"/filenames/{i}": name for i, name in enumerate(call.params.filenames or ())}
    if call.params.filename is not None:
        names["/filename"] = call.params.filename
    for field, name in names.items():
        try:
            capture = _known(call, name, field)
            if name != capture.filename:
                message = f"{name} is part of a shot: name its picture, {capture.filename}"
                raise InvalidArgumentError.at(field, message)
        except InvalidArgumentError as error:
            problems += error.problems
        else:
            found[capture.filename] = capture.total_size
    if problems:
        raise InvalidArgumentError.of(problems)
    return list(found.items())


def _checked(filename: str, field: str = "/filename") -> str:
    naming.parse_name(filename, field)
    return filename


def _known(call: Call[Any], name: str, field: str = "/filename") -> CaptureDocument:
    """The shot that a file belongs to.

    Raises:
        InvalidArgumentError: No file is called so, or there is none of that name.
    """
    capture = call.parts.journal.capture(_checked(name, field))
    if capture is not None and capture.file(name) is not None:
        return capture
    message = f"there is no capture {name}"
    raise InvalidArgumentError.at(field, message)
