"""The envelope of every message on the camera service's socket: JSON-RPC 2.0, one object a line.

A request may carry `command`, which makes it happen once: see `Command`. A connection that has
called `watch` gets notifications: `state` with a document whenever one changes, and `journal` with
the newest sequence number whenever events were appended. What the methods take and give is in
`cinepi.protocol`.
"""

import hashlib

import msgspec

from cinepi.units import Bytes

MAX_LINE: Bytes = 4 * 1024 * 1024
"""Longest message either side accepts; a preview or a chunk of a picture is the largest sent."""


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """What makes a request happen once.

    The service keeps `id`, `fingerprint` and the answer for 10 minutes, in the transaction of the
    effect. A repeat with the same fingerprint gets the first answer, with `replayed` true; another
    fingerprint is a `conflict`.

    Attributes:
        id: Unique for its sender.
        fingerprint: Digest of what is asked for.
        context: What the sender needs to deliver the answer after a crash; kept, never read.
    """

    id: str
    fingerprint: str
    context: str = ""

    @property
    def digest(self) -> str:
        """Short, and says nothing of the sender: 32 hexadecimal digits of id and fingerprint."""
        both = f"{self.id}\0{self.fingerprint}".encode()
        return hashlib.blake2b(both, digest_size=16).hexdigest()


class WireError(msgspec.Struct, frozen=True, kw_only=True):
    """An error as it travels: `code` is one of `cinepi.errors.BY_CODE`."""

    code: str
    message: str
    field: str | None = None
    retryable: bool = False
    problems: tuple[tuple[str, str], ...] = ()


class Request(msgspec.Struct, frozen=True, kw_only=True, tag_field="jsonrpc", tag="2.0"):
    """A request, or a notification where `id` is None."""

    method: str
    params: msgspec.Raw = msgspec.Raw(b"{}")
    id: int | None = None
    command: Command | None = None


NO_RESULT = msgspec.Raw(b"null")  # msgspec decodes `Raw | None` as None alone


class Response(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    tag_field="jsonrpc",
    tag="2.0",
):
    """The answer to the request of the same `id`: `result`, or `error`."""

    id: int | None
    result: msgspec.Raw = NO_RESULT
    error: WireError | None = None
    replayed: bool = False


class StateChanged(msgspec.Struct, frozen=True, kw_only=True):
    """Parameters of the notification `state`: `topic` is a field of `WatchResult`."""

    topic: str
    document: msgspec.Raw


class JournalGrew(msgspec.Struct, frozen=True, kw_only=True):
    """Parameters of the notification `journal`."""

    last_seq: int
