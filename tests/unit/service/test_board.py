"""Who is told what has changed."""

import threading
from collections.abc import Iterator

import msgspec

from cinepi.envelope import StateChanged
from cinepi.service.board import Board


class Told(msgspec.Struct, frozen=True):
    """A document."""

    state: str


def test_the_newest_document_is_told_last() -> None:
    """A thread that looked before another one, and is late, does not take back what that said."""
    has_looked, is_told = threading.Event(), threading.Event()

    def documents() -> Iterator[Told]:
        has_looked.set()
        is_told.wait(0.3)  # as long as another thread may well be in front
        yield Told("active")
        yield Told("idle")

    made = documents()
    board = Board()
    board.register("session", lambda: next(made))
    watcher = board.subscribe()
    late = threading.Thread(target=board.changed, args=("session",), name="late")
    late.start()
    assert has_looked.wait(5)
    board.changed("session")
    is_told.set()
    late.join(5)
    (news,) = watcher.wait() or []
    told = msgspec.json.decode(news.params, type=StateChanged)
    assert msgspec.json.decode(told.document, type=Told) == Told("idle")


def test_a_change_before_anybody_watches_is_heard_inside() -> None:
    """Parts tell of changes while others are still being made; no document is made for nobody."""
    board = Board()
    heard: list[str] = []
    board.changed("session")
    board.listen("session", lambda: heard.append("session"))
    board.changed("session")
    assert heard == ["session"]


def test_what_is_not_there_yet_is_not_told() -> None:
    """Before the first picture, nobody is told of one."""
    board = Board()
    board.register("capture", lambda: None)
    board.register("session", lambda: Told("idle"))
    watcher = board.subscribe()
    board.changed("capture")
    board.changed("session")
    (news,) = watcher.wait() or []
    assert msgspec.json.decode(news.params, type=StateChanged).topic == "session"
