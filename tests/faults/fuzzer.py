"""A small coverage-guided fuzzer: inputs that reach new lines are kept and changed further.

No package that does this installs on every Python that we support, and 60 lines do.
"""

import random
import sys
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

_TOKENS = (
    *b'{}[]":,\\ \n\t-+.eE0129/u',
    b"null",
    b"true",
    b'"id"',
    b"\\u0000",
    b"\xff\xd8",
    b"\xff\xe1",
    b"9" * 400,
    b"{" * 50,
    b"&a",
    b"*a",
    b"cinepi",
    b"_all",
)
_LONGEST = 20_000


class Fuzzer:
    """Feeds a function with bytes, looking for lines of our packages that no input has reached.

    Attributes:
        corpus: Inputs that each reached something new.
        runs: How many inputs were tried.
        reached: Places in our code that were reached.
    """

    def __init__(
        self, target: Callable[[bytes], object], seeds: Sequence[bytes], *, seed: int
    ) -> None:
        """Begin with these inputs."""
        self.corpus: list[bytes] = []
        self.runs = 0
        self.reached: set[tuple[str, int]] = set()
        self._target = target
        self._choice = random.Random(seed)  # noqa: S311 - reproducible, not secret
        for each in seeds:
            self._try(each)

    def run(self, count: int) -> None:
        """Try so many inputs; whatever the target raises passes."""
        for _ in range(count):
            self._try(self._changed(self._choice.choice(self.corpus)))

    def _try(self, data: bytes) -> None:
        before = len(self.reached)
        self.runs += 1
        old = sys.gettrace()
        sys.settrace(self._trace)
        try:
            self._target(data)
        finally:
            sys.settrace(old)
        if len(self.reached) > before or not self.corpus:
            self.corpus.append(data)

    def _trace(self, frame: FrameType, _event: str, _given: Any) -> Any:
        if "/cinepi" not in frame.f_code.co_filename:
            return None
        self.reached.add((frame.f_code.co_filename, frame.f_lineno))
        return self._trace

    def _changed(self, data: bytes) -> bytes:
        choice = self._choice
        changed = bytearray(data)
        for _ in range(1 << choice.randrange(4)):
            place = choice.randrange(len(changed) + 1)
            kind = choice.randrange(5)
            if kind == 0:
                token = choice.choice(_TOKENS)
                changed[place:place] = bytes([token]) if isinstance(token, int) else token
            elif kind == 1:
                del changed[place : place + choice.randrange(1, 9)]
            elif kind == 2 and changed:
                changed[place % len(changed)] = choice.randrange(256)
            elif kind == 3:
                other = choice.choice(self.corpus)
                begin = choice.randrange(len(other) + 1)
                changed[place:place] = other[begin : begin + choice.randrange(1, 40)]
            else:
                end = choice.randrange(place, len(changed) + 1)
                changed[place:place] = changed[place:end]
        return bytes(changed[:_LONGEST])
