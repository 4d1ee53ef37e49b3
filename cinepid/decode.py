"""JSON that others have sent, to be taken or left."""

from typing import TypeVar

import msgspec

from cinepi.units import Bytes

MAX_BYTES: Bytes = 256 * 1024
"""Longer documents are nobody's of ours."""

DocumentT = TypeVar("DocumentT")


def decoded(
    decoder: msgspec.json.Decoder[DocumentT],
    payload: bytes | msgspec.Raw,
    *,
    max_bytes: Bytes = MAX_BYTES,
) -> DocumentT | None:
    """What `payload` says; None where it is too long, or not what the decoder wants.

    Beside its own errors msgspec lets out those of texts that are no UTF-8, and of deep nesting.
    """
    try:
        return decoder.decode(payload) if len(payload) <= max_bytes else None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
