"""A format that only a test knows: one file in a folder of its own, beside the product's."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cinepi.formats import companions, registry

NOTE = """
from cinepi.formats.contract import FileFormat, Provenance, Said

class Format(FileFormat):
    def encode(self, frame, facts, settings):
        return b"NOTE ", facts.model.encode(), b" END"

    def is_whole(self, head, tail):
        return head.startswith(b"NOTE") and tail.endswith(b"END")

    def read(self, head):
        return Said(0, 0, None, Provenance())
"""
"""A companion that says which camera it was."""

BROKEN = NOTE.replace("return b", "raise ZeroDivisionError\n        return b")
"""The same, of an author who had a bad day."""


@contextmanager
def companion(folder: Path, source: str, suffix: str = "note") -> Iterator[None]:
    """Meanwhile there is one more format of companions; its class is in `source`."""
    folder.mkdir()
    (folder / f"{suffix}.py").write_text(source)
    companions.__path__.append(str(folder))
    _look_again()
    try:
        yield
    finally:
        companions.__path__.remove(str(folder))
        sys.modules.pop(f"{companions.__name__}.{suffix}", None)
        _look_again()


def _look_again() -> None:
    for found in (registry.companions, registry.formats):
        found.cache_clear()
