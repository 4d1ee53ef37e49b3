"""Who is told what has changed."""

import threading

import msgspec

from cinepi.envelope import StateChanged
from cinepi.service.board import Board


class Told(msgspec.Struct, frozen=True):
    """A document."""

    state: str


def test_the_newest_document_is_told_last() -> None:
    """A thread that looked before another one, and is late, does not take back what that said."""
    board = Board()
    watcher = board.subscribe()
    has_looked, is_told = threading.Event(), threading.Event()

    def old() -> Told:
        has_looked.set()
        is_told.wait(0.3)  # as long as another thread may well be in front
        return Told("active")

    def post_new() -> None:
        board.post("session", lambda: Told("idle"))
        is_told.set()

    late = threading.Thread(target=board.post, args=("session", old), name="late")
    late.start()
    assert has_looked.wait(5)
    post_new()
    late.join(5)
    (news,) = watcher.wait() or []
    told = msgspec.json.decode(news.params, type=StateChanged)
    assert msgspec.json.decode(told.document, type=Told) == Told("idle")
