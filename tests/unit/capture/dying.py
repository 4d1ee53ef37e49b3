"""Stores and deletes shots in processes that end before one call of the system after the other.

`python3 -m tests.unit.capture.dying WHAT FOLDER` leaves a folder for each of the calls, `FOLDER/0`,
`FOLDER/1` …, as it was when the process before that call was gone without a word. WHAT is `write`,
`write-exfat` for a disk that knows neither links nor renames without overwriting, or `delete`.
"""

import ctypes
import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import simplejpeg

from cinepi import disk
from cinepi.capture.removal import remove
from cinepi.capture.store import Store
from cinepi.clock import SystemClock
from cinepi.journal.journal import Journal
from cinepi.model.documents import CaptureDocument, CaptureFile
from cinepi.paths import Layout
from tests.unit.formats.adding import NOTE, companion

_GREY = simplejpeg.encode_jpeg(np.full((16, 16, 1), 127, np.uint8), colorspace="GRAY")
FILES = {"jpg": (_GREY,), "note": (b"NOTE END",), "2.jpg": (_GREY[:2], _GREY[2:])}
WALL = 1_781_434_800.0
_MOST = 50


def main() -> None:
    """Let one child after the other go a call further, until one is done."""
    what, place = sys.argv[1], Path(sys.argv[2])
    with companion(place / "formats", NOTE):
        for calls in range(_MOST):
            child = os.fork()
            if not child:
                _live(what, Layout(place / str(calls)), calls)
                os._exit(0)
            _, status = os.waitpid(child, 0)
            if not os.waitstatus_to_exitcode(status):
                return
    raise SystemExit("it has never ended")


def _live(what: str, layout: Layout, calls: int) -> None:
    layout.journal.parent.mkdir(parents=True)
    store = Store(layout.captures, SystemClock())
    if what != "delete":
        _end_after(calls, knows_links=what == "write")
        store.write(FILES, WALL)
        return
    journal = Journal(layout.journal, clock=SystemClock(), boot="child")
    picture, *beside = store.write(FILES, WALL)
    with journal.transaction() as transaction:
        transaction.add_capture(
            CaptureDocument(
                filename=picture.name,
                path=str(picture.path),
                size=picture.size,
                sha256=picture.sha256,
                taken_at="2026-06-14T11:00:00Z",
                width=1,
                height=1,
                kind="snapshot",
                files=tuple(
                    CaptureFile(filename=file.name, size=file.size, sha256=file.sha256)
                    for file in beside
                ),
            )
        )
    _end_after(calls)
    remove(store, journal, [picture.name], "make_room")


def _end_after(calls: int, *, knows_links: bool = True) -> None:
    """Let the process do so many calls that change the disk, and end it in place of the next.

    A disk that does not know links does not know how to rename without overwriting either.
    """
    left = calls

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def instead(*args: Any, **kwargs: Any) -> Any:
            nonlocal left
            if not left:
                os._exit(9)
            left -= 1
            return call(*args, **kwargs)

        return instead

    for name in ("open", "writev", "fsync", "unlink", "rename"):
        setattr(os, name, counted(getattr(os, name)))

    def refused(*_: object, **__: object) -> int:
        ctypes.set_errno(errno.EINVAL)
        return -1

    def no_links(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    class System:
        renameat2 = staticmethod(
            counted(disk._libc.renameat2) if knows_links else refused  # noqa: SLF001
        )

    disk._libc = System  # type: ignore[assignment]  # noqa: SLF001
    if not knows_links:
        setattr(os, "link", no_links)  # noqa: B010 - mypy refuses a plain assignment


if __name__ == "__main__":
    main()
