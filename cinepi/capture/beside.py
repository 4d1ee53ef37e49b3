"""Work beside the work: encoding and hashing free the interpreter, and a Pi has four cores."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

ResultT = TypeVar("ResultT")


class Beside(Generic[ResultT]):
    """One function in a thread of its own, which has begun when this is made."""

    def __init__(self, work: Callable[[], ResultT], name: str) -> None:
        """Begin `work` in a thread of that `name`; it must end by itself."""
        self._work = work
        self._results: list[ResultT] = []
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Wait for the end of the work, however it ends."""
        self._thread.join()

    def result(self) -> ResultT:
        """Wait for the end of the work; returns what it returned, or raises what it raised."""
        self.wait()
        if self._error is not None:
            raise self._error
        return self._results[0]

    def _run(self) -> None:
        try:
            self._results.append(self._work())
        except Exception as error:  # noqa: BLE001 - handed over to the thread that waits
            self._error = error
