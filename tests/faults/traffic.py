"""Somebody who keeps giving commands, and tries again where nobody answers."""

import threading
import time
from collections.abc import Iterator

from tests.faults.observer import FORGIVEN, Observer, Sent

AGAIN_AFTER = 8.0
"""A command that is not answered for so long is sent again, with its id: the broker lost it."""
GIVEN_UP_AFTER = 90.0
"""And after so long it will never be answered, and whoever judges says so."""
PAUSE = 0.05


class Traffic:
    """Gives one command after the other in a thread of its own.

    Attributes:
        patience: Seconds after which a command that nothing has answered is sent again.
        sent_again: Commands that had to be sent twice.
    """

    def __init__(self, observer: Observer) -> None:
        """Be ready to `start`."""
        self.patience = AGAIN_AFTER
        self.sent_again = 0
        self._observer = observer
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._cycle = self._commands()

    def start(self) -> None:
        """Begin, or go on."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="traffic", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Give no new command; returns when the last one is answered."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._await(next(self._cycle))
            time.sleep(PAUSE)  # a person's pace, not a wait for anything

    def _commands(self) -> Iterator[Sent]:
        send = self._observer.send
        quality = 50
        while True:
            yield send("snapshot/take")
            quality = 50 + (quality - 49) % 45
            yield send("config/patch", patch={"capture": {"quality": quality}})
            if (name := self._oldest()) is not None:
                yield send("captures/delete", filename=name)
            yield send("config/backup")
            yield send("session/get")
            if (name := self._oldest()) is not None:
                yield send("captures/delete", filename=name)

    def _oldest(self) -> str | None:
        """A picture to delete; the newest few stay."""
        gone = {
            sent.arguments["filename"]
            for sent in list(self._observer.commands.values())
            if sent.verb == "captures/delete"
        }
        names = [event["filename"] for event in self._observer.of_type("capture_stored")]
        left = [name for name in names if name not in gone]
        return left[0] if len(left) > 5 else None

    def _await(self, sent: Sent) -> None:
        deadline = time.monotonic() + self.patience
        while not sent.answers and time.monotonic() < sent.at + GIVEN_UP_AFTER:
            time.sleep(0.005)
            if time.monotonic() > deadline:
                deadline = time.monotonic() + self.patience
                self.sent_again += 1
                self._observer.send_again(sent)


def refusals(observer: Observer) -> int:
    """Commands that were told to try again later."""
    finals = [sent.final for sent in list(observer.commands.values())]
    return sum(
        final is not None and not final["success"] and final["error"]["code"] in FORGIVEN
        for final in finals
    )
