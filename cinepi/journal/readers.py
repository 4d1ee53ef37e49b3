"""Readers: who follows the journal, how far each has got, and what it holds from deletion.

A reader is a name with a cursor: the seq of the newest event that it has done with, and all before.
One that holds wants each picture until it has done with the event that told of it. Pictures to be
deleted are chosen among those that nobody holds first. Where the user's policy takes a held one all
the same, the `capture_deleted` names the readers that were overruled.

For example, a reader `upload` that holds, at 120, keeps the picture of event 121, and all that were
stored later. After it has sent that picture it advances to 121, and lets the picture go.

The readers are kept in the tally, which every transaction writes anyway: a table of their own would
cost each frame one page more.
"""

from collections.abc import Iterable, Mapping

import msgspec

from cinepi.errors import InvalidArgumentError

MOST = 20
"""Readers that the journal keeps; each costs some 40 bytes of every transaction."""


class Reader(msgspec.Struct, frozen=True, kw_only=True):
    """One reader.

    Attributes:
        seq: Of the newest event that it has done with, and all before; 0 for none.
        holds: Whether pictures stay for it.
    """

    seq: int
    holds: bool = False


def advanced(
    readers: Mapping[str, Reader], name: str, seq: int, *, holds: bool | None = None
) -> dict[str, Reader]:
    """All readers, with the one of this `name` at `seq`.

    Args:
        readers: As they are.
        name: The reader; a new name is a new reader.
        seq: Where it is now; a smaller one than before if it begins anew.
        holds: Whether pictures stay for it from now on; None for as before.

    Raises:
        InvalidArgumentError: There are `MOST` others already.
    """
    known = readers.get(name, Reader(seq=0))
    if name not in readers and len(readers) >= MOST:
        raise InvalidArgumentError.at("/reader", f"the journal has {MOST} readers already")
    kept = Reader(seq=seq, holds=known.holds if holds is None else holds)
    return {**readers, name: kept}


def held_after(readers: Mapping[str, Reader]) -> int | None:
    """The seq after which pictures are held by somebody; None where nobody holds any."""
    return min((each.seq for each in readers.values() if each.holds), default=None)


def holding(readers: Mapping[str, Reader], seqs: Iterable[int]) -> tuple[str, ...]:
    """The readers that hold one of the pictures whose events have these `seqs`."""
    newest = max(seqs, default=0)
    names = (name for name, each in readers.items() if each.holds and each.seq < newest)
    return tuple(sorted(names))
