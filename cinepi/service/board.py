"""The present state of everything, and those who want to hear when it changes."""

import threading
from collections.abc import Callable

import msgspec

from cinepi.envelope import JournalGrew, Request, StateChanged


class Subscription:
    """What one watcher has not been told yet: only the newest of each document, never a queue."""

    def __init__(self) -> None:
        """Begin with nothing to tell."""
        self._news = threading.Condition()
        self._documents: dict[str, msgspec.Raw] = {}
        self._last_seq: int | None = None
        self._is_closed = False
        self._taken = 0

    def progress(self) -> object:
        """Something that stays the same only while news wait to be taken."""
        with self._news:
            is_idle = not self._documents and self._last_seq is None
            return object() if is_idle else self._taken

    def put_document(self, topic: str, document: msgspec.Raw) -> None:
        """Remember the newest document of a topic."""
        with self._news:
            self._documents[topic] = document
            self._news.notify()

    def put_seq(self, last_seq: int) -> None:
        """Remember how far the journal has grown."""
        with self._news:
            self._last_seq = last_seq
            self._news.notify()

    def close(self) -> None:
        """Let `wait` return None."""
        with self._news:
            self._is_closed = True
            self._news.notify()

    def wait(self) -> list[Request] | None:
        """Block until there is news, and take it as notifications; None once closed."""
        with self._news:
            self._news.wait_for(
                lambda: self._documents or self._last_seq is not None or self._is_closed
            )
            if self._is_closed:
                return None
            documents, self._documents = self._documents, {}
            last_seq, self._last_seq = self._last_seq, None
            self._taken += 1
        news = [
            _notification("state", StateChanged(topic=topic, document=document))
            for topic, document in documents.items()
        ]
        if last_seq is not None:
            news.append(_notification("journal", JournalGrew(last_seq=last_seq)))
        return news


Document = Callable[[], msgspec.Struct | None]
"""Makes a document as of now; None where there is none yet."""


class Board:
    """Where it is said that a document has changed; may be used from any thread.

    It is made before everything else and handed to every part that has a document. What the
    documents are is registered once all parts are there; before that, nobody watches.
    """

    def __init__(self) -> None:
        """Begin without documents and without watchers."""
        self._lock = threading.Lock()
        self._watchers: list[Subscription] = []
        self._documents: dict[str, Document] = {}
        self._turns: dict[str, threading.Lock] = {}
        self._listeners: dict[str, list[Callable[[], None]]] = {}

    def register(self, topic: str, document: Document) -> None:
        """Say how the document of a topic is made."""
        self._turns[topic] = threading.Lock()
        self._documents[topic] = document

    def listen(self, topic: str, listener: Callable[[], None]) -> None:
        """Call `listener` whenever a topic has changed; it must neither block nor raise."""
        self._listeners.setdefault(topic, []).append(listener)

    def subscribe(self) -> Subscription:
        """Watch from now on, until `unsubscribe`."""
        subscription = Subscription()
        with self._lock:
            self._watchers.append(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Watch no longer."""
        subscription.close()
        with self._lock:
            self._watchers.remove(subscription)

    def changed(self, topic: str) -> None:
        """Tell the watchers the new document of a topic; it is made only if there are any.

        Documents of one topic are told in the order in which they are made: of two threads that
        tell at the same time, the one that looked first must not have the last word.
        """
        for listener in self._listeners.get(topic, ()):
            listener()
        with self._lock:
            watchers = list(self._watchers)
        if not watchers:
            return
        with self._turns[topic]:
            document = self._documents[topic]()
            if document is None:
                return
            raw = msgspec.Raw(msgspec.json.encode(document))
            for watcher in watchers:
                watcher.put_document(topic, raw)

    def journal_grew(self, last_seq: int) -> None:
        """Tell the watchers that events were appended."""
        with self._lock:
            watchers = list(self._watchers)
        for watcher in watchers:
            watcher.put_seq(last_seq)


def _notification(method: str, params: msgspec.Struct) -> Request:
    return Request(method=method, params=msgspec.Raw(msgspec.json.encode(params)))
