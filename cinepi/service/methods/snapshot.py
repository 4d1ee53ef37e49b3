"""Single pictures."""

import threading

from cinepi.camera.calls import EXPOSURES
from cinepi.capture.adopted import Adopted
from cinepi.clock import parse_time, rfc3339
from cinepi.errors import CinepiError, ConflictError, DeadlineError, InvalidArgumentError
from cinepi.journal.journal import Transaction
from cinepi.model.documents import CaptureDocument
from cinepi.model.events import CaptureFailed
from cinepi.protocol import TakeParams
from cinepi.service.requests import Call, is_final, method, wire_error

MOST_AHEAD_S = 60.0
"""How far ahead `at` may lie."""
LIMIT_S = 60.0
"""How long a snapshot may take from its time on, beyond its exposures."""
MOST_EXPOSED_S = 700.0
"""So long is waited for exposures at most: an answer is promised within 900 s."""


@method("snapshot.take", TakeParams, lane="camera", limit_s=900)
def take(call: Call[TakeParams]) -> CaptureDocument:
    """Take a picture now, or at an instant that many devices share."""
    if call.command is not None and (found := Adopted(call.parts.journal).find(call.command)):
        return found  # taken for this very command, before a crash kept the answer back
    at = None if call.params.at is None else _instant(call, call.params.at)
    kept: list[CaptureDocument] = []
    is_over = threading.Event()

    def commit(tx: Transaction, capture: CaptureDocument) -> None:
        if is_over.is_set():  # its sender was told that there is no picture, so there is none
            raise ConflictError("the snapshot came after its time")
        tx.finish(call.command, capture)
        tx.on_commit(lambda: kept.append(capture))

    exposures = EXPOSURES * call.parts.in_force.config.camera.shutter_us / 1e6
    wait = LIMIT_S + min(exposures, MOST_EXPOSED_S)
    if at is not None:
        wait += at - call.parts.clock.wall()
    digest = None if call.command is None else call.command.digest
    taking = call.parts.shutter.snapshot(at, commit, digest)
    try:
        return taking.result(wait)
    except TimeoutError as error:
        taking.cancel()
        message = f"no picture within {wait:.0f} s: the camera does not answer"
        with call.parts.journal.transaction() as tx:  # no other one, such as its own, meanwhile
            if kept:  # in the last moment
                return kept[0]
            is_over.set()
            late = _failed(call, tx, DeadlineError(message))
        raise late from error
    except CinepiError as error:
        with call.parts.journal.transaction() as tx:
            _failed(call, tx, error)
        raise


def _failed(call: Call[TakeParams], tx: Transaction, error: CinepiError) -> CinepiError:
    """Journal that there is no picture, with the answer to the command."""
    tx.append(CaptureFailed(code=error.code, message=str(error), kind="snapshot"))
    if is_final(error):
        tx.finish(call.command, wire_error(error))
    return error


def _instant(call: Call[TakeParams], text: str) -> float:
    clock = call.parts.clock
    at = parse_time(text, "/at")
    if not clock.is_synced():
        message = "at needs a clock that a time server has set, and this one is not"
        raise ConflictError(message)
    wall = clock.wall()
    if at < wall:
        message = (
            f"at must be in the future; it is {rfc3339(wall)} now, and {text[:40]!r} has passed"
        )
        raise InvalidArgumentError.at("/at", message)
    if at > wall + MOST_AHEAD_S:
        message = (
            f"at must be at most {MOST_AHEAD_S:.0f} s ahead of {rfc3339(wall)}, not {text[:40]!r}"
        )
        raise InvalidArgumentError.at("/at", message)
    return at
