"""Calls that may never return, made in a thread that can be left behind."""

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from cinepi.clock import Clock
from cinepi.errors import CinepiError, DeadlineError, InternalError
from cinepi.units import MonotonicTime, Seconds

ResultT = TypeVar("ResultT")


class BoundedCaller:
    """Makes one call after the other in a helper thread, and gives up on those that take too long.

    The helper thread is started by the first call, so that it inherits the scheduling class of the
    thread that calls. A call that is given up keeps its thread, which ends if the call ever does.
    """

    def __init__(self, name: str, clock: Clock) -> None:
        """Make calls in threads of that `name`."""
        self._name = name
        self._clock = clock
        self._helper: _Helper | None = None
        self._present: MonotonicTime | None = None
        self._promise: MonotonicTime = clock.monotonic()

    @property
    def promise(self) -> MonotonicTime:
        """By when the newest call is over, as said when it began; any thread.

        It lies in the past where that call is over, and where even giving it up takes too long.
        """
        return self._promise

    def overdue(self) -> Seconds:
        """How long the present call should have been over; 0 while all is well; any thread."""
        present = self._present
        return 0.0 if present is None else max(0.0, self._clock.monotonic() - present)

    def call(
        self,
        work: Callable[[], ResultT],
        limit: Seconds,
        what: str,
        discard: Callable[[ResultT], None] | None = None,
    ) -> ResultT:
        """Do `work` and return its result; blocks for at most `limit` seconds.

        Args:
            work: What to do.
            limit: When to give up, in seconds.
            what: Its name for people, as in "opening the camera".
            discard: Takes back a result that comes after the limit.

        Raises:
            DeadlineError: `limit` has passed; the work goes on in a thread of its own.
            CinepiError: What `work` raised; any other exception of its becomes an `InternalError`.
        """
        job = _Job(work, discard)
        if self._helper is None:
            self._helper = _Helper(self._name)
            self._helper.start()
        self._promise = self._present = self._clock.monotonic() + limit
        try:
            self._helper.jobs.put(job)
            if not job.wait(limit):
                self._helper.jobs.put(None)
                self._helper = None
                message = f"{what} has not ended within {limit:.1f} s and was left behind"
                raise DeadlineError(message)
        finally:
            self._present = None
        return job.outcome(what)

    def stop(self) -> None:
        """End the idle helper thread; the next call starts another."""
        if self._helper is not None:
            self._helper.jobs.put(None)
            self._helper = None


class _Job(Generic[ResultT]):
    """One call: whoever comes first decides whether it is done or given up."""

    def __init__(self, work: Callable[[], ResultT], discard: Callable[[ResultT], None] | None):
        self._work = work
        self._discard = discard
        self._decision = threading.Lock()
        self._is_given_up = False
        self._done = threading.Event()
        self._results: list[ResultT] = []
        self._error: Exception | None = None

    def run(self) -> None:
        try:
            result = self._work()
        except Exception as error:  # noqa: BLE001 - handed over to the thread that called
            self._error = error
            self._done.set()
            return
        with self._decision:
            if not self._is_given_up:
                self._results.append(result)
                self._done.set()
                return
        if self._discard is not None:
            self._discard(result)

    def wait(self, limit: Seconds) -> bool:
        if self._done.wait(limit):
            return True
        with self._decision:
            self._is_given_up = not self._done.is_set()
        return not self._is_given_up

    def outcome(self, what: str) -> ResultT:
        if self._error is None:
            return self._results.pop()
        if isinstance(self._error, CinepiError):
            raise self._error
        message = f"{what} failed: {type(self._error).__name__}: {self._error}"
        raise InternalError(message) from self._error


class _Helper(threading.Thread):
    """Works off jobs until it is handed None."""

    def __init__(self, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self.jobs: SimpleQueue[_Job[Any] | None] = SimpleQueue()

    def run(self) -> None:
        while (job := self.jobs.get()) is not None:
            job.run()
            del job  # a frame would otherwise live until the next call
