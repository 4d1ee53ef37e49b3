"""Finding out from a picture's own file what the journal would say of it."""

import hashlib
from dataclasses import dataclass

import simplejpeg

from cinepi.capture.naming import parse_name
from cinepi.capture.store import Store
from cinepi.clock import rfc3339
from cinepi.errors import InternalError
from cinepi.formats import exif
from cinepi.model.documents import CaptureDocument


@dataclass(frozen=True, slots=True)
class Described:
    """What a file says of itself.

    Attributes:
        document: As the index keeps it.
        command: Digest of the command that asked for the picture; None for a session's frame.
    """

    document: CaptureDocument
    command: str | None


def describe(store: Store, filename: str, *, has_digest: bool) -> Described:
    """Describe a whole picture that the index does not know.

    What its EXIF does not say is guessed: a snapshot, at the time that its name says.

    Args:
        store: Where it lies.
        filename: Its name.
        has_digest: Whether to read all of it, for the digest; else that stays empty.

    Raises:
        InvalidArgumentError: There is no such picture.
        InternalError: It is damaged, or the disk failed.
    """
    if has_digest:
        jpeg = store.read(filename)
        size, digest = len(jpeg), hashlib.sha256(jpeg).hexdigest()
    else:
        jpeg, size = store.head(filename)
        digest = ""
    try:
        height, width, _, _ = simplejpeg.decode_jpeg_header(jpeg)
    except ValueError as error:
        raise InternalError(f"{filename} is damaged: {error}") from error
    wall, provenance = exif.read(jpeg)
    document = CaptureDocument(
        filename=filename,
        path=str(store.path(filename)),
        size=size,
        sha256=digest,
        taken_at=rfc3339(parse_name(filename).timestamp() if wall is None else wall),
        width=width,
        height=height,
        **provenance.indexed(),
    )
    return Described(document, provenance.command)
