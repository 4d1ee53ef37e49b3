"""Finding out from the files of a shot what the journal would say of it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from cinepi.capture.naming import parse_name
from cinepi.capture.shot import document, taken_exposure
from cinepi.capture.store import Store, StoredFile
from cinepi.errors import CinepiError, InternalError
from cinepi.formats import registry
from cinepi.formats.contract import Said
from cinepi.logs.setup import logger
from cinepi.model.documents import CaptureDocument

_log = logger("reindex")


@dataclass(frozen=True, slots=True)
class Described:
    """What a shot's files say of themselves.

    Attributes:
        document: As the index keeps it.
        command: Digest of the command that asked for the shot; None for a session's frame.
    """

    document: CaptureDocument
    command: str | None


def describe(
    store: Store, filename: str, companions: Sequence[str] = (), *, has_digest: bool
) -> Described:
    """Describe a whole shot that the index does not know.

    What its picture does not say is guessed: a snapshot, at the time that its name says.

    Args:
        store: Where it lies.
        filename: The name of its picture.
        companions: The names of what lies beside it. One that cannot be read is left out.
        has_digest: Whether to read all of each file, for the digest; else that stays empty.

    Raises:
        InvalidArgumentError: There is no such picture.
        InternalError: It is damaged, or the disk failed.
    """
    files, said = [], []
    for name in (filename, *companions):
        try:
            file, reading = _read(store, name, has_digest=has_digest)
        except CinepiError as error:
            if name == filename:
                raise
            _log.warning("companion not understood", filename=name, reason=str(error))
            continue
        files.append(file)
        if parse_name(name).suffix == parse_name(filename).suffix:  # else of the same exposure
            said.append(reading)
    picture = said[0]
    return Described(
        document(
            files,
            parse_name(filename).time.timestamp() if picture.wall is None else picture.wall,
            picture,
            tuple(taken_exposure(reading.provenance) for reading in said[1:]),
        ),
        picture.provenance.command,
    )


def _read(store: Store, name: str, *, has_digest: bool) -> tuple[StoredFile, Said]:
    """One file, with its digest or an empty one, and what it says of itself.

    Raises:
        InvalidArgumentError: There is no such file.
        InternalError: It is damaged, or the disk failed.
    """
    if has_digest:
        head = store.read(name)
        size, digest = len(head), hashlib.sha256(head).hexdigest()
    else:
        head, size = store.head(name)
        digest = ""
    try:
        said = registry.formats()[parse_name(name).suffix].read(head)
    except InternalError as error:
        raise InternalError(f"{name} is damaged: {error}") from error
    return StoredFile(name, store.path(name), size, digest), said
