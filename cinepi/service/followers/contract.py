"""What a follower of settings does, and what it may turn to.

A file in this folder has one class `Follower`. A change of settings goes through all of them three
times: does anybody object (`problems`), what else belongs to the change (`join`), and now that it
holds, who acts on it (`follow`).
"""

from dataclasses import dataclass

from cinepi.camera.camera import Camera
from cinepi.errors import Problem
from cinepi.journal.journal import Transaction
from cinepi.model.settings import Config
from cinepi.service.board import Board
from cinepi.timing.keeper import SessionKeeper
from cinepi.timing.shutter import Shutter

Changed = tuple[str, ...]
"""JSON pointers to the values of a change, such as `/capture/interval`."""


@dataclass(frozen=True, slots=True)
class Followed:
    """The parts of the service that settings reach."""

    board: Board
    camera: Camera
    keeper: SessionKeeper
    shutter: Shutter


class Follower:
    """Follows some settings; each method does nothing unless a follower has its own."""

    def __init__(self, followed: Followed) -> None:
        """Follow on behalf of these parts."""
        self._followed = followed

    def problems(self, config: Config, changed: Changed) -> list[Problem]:  # noqa: ARG002
        """Say what is wrong with a configuration of which `changed` is new.

        Each problem names a value by its pointer. Nothing has changed yet, and nothing may be done.
        """
        return []

    def join(self, tx: Transaction, config: Config, changed: Changed) -> None:
        """Write what belongs to the change into its transaction."""

    def follow(self, config: Config, changed: Changed) -> None:
        """Act on a change that holds.

        Changes are followed one after the other, in the order in which they took effect, so this
        must not block. Work that is done later reads what is in force then, never `config`: another
        change may have overtaken this one.
        """
