"""The end of the process because a part of it hangs, and how often its camera was the reason."""

import os
from collections.abc import Callable
from typing import Never

import msgspec

from cinepi.errors import CinepiError
from cinepi.journal.journal import Journal, Transaction
from cinepi.logs.setup import logger
from cinepi.model.events import CameraLost, CameraRecovered
from cinepi.timing.keeper import SessionKeeper
from cinepi.vigil import EXIT_HANGS, end_soon

EXIT_CAMERA = 75
"""The process ended because of the camera (EX_TEMPFAIL): start it again."""

_TOTAL, _IN_A_ROW = "camera_exits", "camera_exits_in_a_row"
_log = logger("service")


class CameraExits:
    """The processes that were given up because of the camera, this one perhaps the next."""

    def __init__(self, journal: Journal, keeper: SessionKeeper) -> None:
        """Count in this journal; the keeper knows what the session loses."""
        self._journal = journal
        self._keeper = keeper

    @property
    def total(self) -> int:
        """How many there were since the journal began."""
        return self._journal.count(_TOTAL)

    @property
    def in_a_row(self) -> int:
        """How many there were since the last picture."""
        return self._journal.count(_IN_A_ROW)

    def camera_event(self, event: msgspec.Struct) -> None:
        """Journal what the camera tells of itself; one that recovers ends the row."""
        is_back = isinstance(event, CameraRecovered)
        self._journal.tell(event, _end_row if is_back else None)

    def give_up_camera(self, reason: str) -> Never:
        """End the process; all that has passed, and the slot in flight, is lost to the camera."""
        self.give_up(reason, self._keeper.lose_to_camera)

    def give_up(self, reason: str, also: Callable[[Transaction], None]) -> Never:
        """End the process; whoever supervises it starts it again.

        In bounded time, also where a disk hangs and with it the journal and the log. What `also`
        writes joins the transaction.
        """
        end_soon(EXIT_CAMERA)
        _log.critical("giving up", reason=reason)
        try:
            with self._journal.transaction() as tx:
                for key in (_TOTAL, _IN_A_ROW):
                    tx.set_value(key, str(self._journal.count(key) + 1))
                tx.append(CameraLost(message=reason, rung="restart_process"))
                also(tx)
        except CinepiError as error:
            _log.error("not journalled", reason=str(error))
        finally:
            os._exit(EXIT_CAMERA)  # a hung camera library would block a normal exit


def end(reason: str) -> None:
    """End the process because something in it hangs that is not the camera."""
    end_soon(EXIT_HANGS)
    _log.critical("giving up", reason=reason)
    os._exit(EXIT_HANGS)


def _end_row(tx: Transaction) -> None:
    tx.set_value(_IN_A_ROW, "0")
