"""From a message to a checked request, or to the reason why it is none. Pure."""

import hashlib
import json
import os
from difflib import get_close_matches
from typing import Annotated, NamedTuple

import msgspec

from cinepi import check, strictjson
from cinepi.errors import (
    CinepiError,
    InvalidArgumentError,
    NotSupportedError,
    RetainedCommandError,
    UnknownCommandError,
)
from cinepi.protocol import Params
from cinepi.units import Bytes, Seconds
from cinepid import topics
from cinepid.commands._contract import Command
from cinepid.commands._registry import commands
from cinepid.message import Incoming
from cinepid.payloads import ReplyTo

MAX_BYTES: Bytes = 16 * 1024
"""Longest payload of a command; a configuration has a tenth of that."""
SPREAD_S: Seconds = 0.5
"""Answers to a broadcast come within this time, unless it says `spread_ms`."""


class Match(Params, frozen=True):
    """Which devices a broadcast is for: those of which all of this is true."""

    version: str | None = None
    tag: str | None = None


class Reserved(Params, frozen=True):
    """Keys that every command may have beside its arguments.

    Attributes:
        id: Makes the command happen once, and is repeated in the answer.
        ttl_s: Not to be done if it is older than this.
        expires_at: Not to be done after this time, RFC 3339.
        match: For broadcasts: who is meant.
        spread_ms: For broadcasts: answers come spread over this time.
    """

    id: Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f]{1,64}$")] | None = None
    ttl_s: Annotated[float, msgspec.Meta(ge=0, le=86400)] | None = None
    expires_at: str | None = None
    match: Match | None = None
    spread_ms: Annotated[int, msgspec.Meta(ge=0, le=60_000)] | None = None


class Request(NamedTuple):
    """A command that can be tried.

    Attributes:
        name: Such as `session/start`.
        command: What it is.
        arguments: Checked.
        id: Given by the sender, or made: then it begins with `auto_prefix`.
        auto_prefix: Empty if the sender gave an id.
        fingerprint: Digest of name and arguments.
        reserved: What else the sender said.
        reply_to: Where the answer goes.
        address: Whom it was sent to.
        incoming: The message.
    """

    name: str
    command: Command
    arguments: Params
    id: str
    auto_prefix: str
    fingerprint: str
    reserved: Reserved
    reply_to: ReplyTo
    address: topics.Address
    incoming: Incoming

    @property
    def spread_s(self) -> Seconds:
        """How long the answer may be held back."""
        if not self.address.is_broadcast:
            return 0.0
        given = self.reserved.spread_ms
        return SPREAD_S if given is None else given / 1000


class Refusal(NamedTuple):
    """A message on a command topic that is no command that can be tried."""

    id: str
    reply_to: ReplyTo
    error: CinepiError
    is_broadcast: bool
    incoming: Incoming


def read(incoming: Incoming, address: topics.Address) -> Request | Refusal:
    """Check a message on a command topic; never raises."""
    name = "/".join(address.path)
    correlation = incoming.correlation
    reply_to = ReplyTo(
        command=name[:64],
        topic=_allowed(incoming.response_topic),
        correlation=correlation if correlation is None else bytes(correlation),
    )
    reserved: Reserved | None = None
    try:
        command = _command(name, address)
        values = _values(incoming.payload, command)
        reserved = _reserved(values)
        if incoming.retain:
            raise _retained(name)
        arguments = {key: value for key, value in values.items() if key not in _RESERVED}
        parsed = check.parse(command.arguments, arguments)
    except CinepiError as error:
        said = _retained(name) if incoming.retain else error
        given = reserved.id if reserved else _readable_id(incoming.payload)
        made_up = given or _new_id("refused-")
        return Refusal(made_up, reply_to, said, address.is_broadcast, incoming)
    fingerprint = _fingerprint(name, arguments)
    prefix = "" if reserved.id else f"auto-{incoming.mid}-{fingerprint[:8]}-"
    return Request(
        name,
        command,
        parsed,
        reserved.id or _new_id(prefix),
        prefix,
        fingerprint,
        reserved,
        reply_to,
        address,
        incoming,
    )


def _retained(name: str) -> RetainedCommandError:
    return RetainedCommandError(
        f"{name} was sent with the retain flag: it would be repeated at every connection, so it "
        "was not executed; send it without"
    )


def _command(name: str, address: topics.Address) -> Command:
    known = commands()
    command = known.get(name)
    if command is None:
        close = get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"
        raise UnknownCommandError(f"there is no command {name[:64]!r}; {hint}")
    if address.is_broadcast and not command.is_broadcast:
        raise NotSupportedError(f"{name} is taken by one device at a time, not from groups or all")
    return command


def _values(payload: bytes, command: Command) -> dict[str, object]:
    if command.plain_key and len(payload) <= MAX_BYTES and payload[:1] not in (b"", b"{", b"["):
        return {command.plain_key: payload.decode(errors="replace").strip()}
    if not payload:
        return {}
    value = strictjson.loads(payload, max_bytes=MAX_BYTES)
    if not isinstance(value, dict):
        raise InvalidArgumentError("the arguments must be a JSON object, such as {}")
    return value


def _reserved(values: dict[str, object]) -> Reserved:
    """Check the reserved keys, if there are any; most commands have none."""
    given = {key: value for key, value in values.items() if key in _RESERVED}
    return check.parse(Reserved, given) if given else _NOTHING_RESERVED


def _readable_id(payload: bytes) -> str | None:
    """The sender's id in a message that is otherwise wrong: whoever waits for it hears why."""
    try:
        value = strictjson.loads(payload, max_bytes=MAX_BYTES)
        return _reserved({"id": value["id"]}).id if isinstance(value, dict) else None
    except (CinepiError, KeyError):
        return None


def _allowed(response_topic: str | None) -> str | None:
    if response_topic is None or not topics.is_allowed_response(response_topic):
        return None
    return response_topic


def _fingerprint(name: str, arguments: dict[str, object]) -> str:
    canonical = json.dumps([name, arguments], sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(canonical.encode(), digest_size=16).hexdigest()


def _new_id(prefix: str) -> str:
    return prefix + os.urandom(6).hex()


_RESERVED = frozenset(Reserved.__struct_fields__)
_NOTHING_RESERVED = Reserved()
