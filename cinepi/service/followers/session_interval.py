"""A running session takes a new interval from its next frame on."""

from cinepi.journal.journal import Transaction
from cinepi.model.settings import Config
from cinepi.service.followers import contract
from cinepi.service.followers.contract import Changed

_PATH = "/capture/interval"


class Follower(contract.Follower):
    """Changes the session in the transaction of the setting."""

    def join(self, tx: Transaction, config: Config, changed: Changed) -> None:
        """Begin a new grid in the running session."""
        if _PATH in changed:
            self._followed.keeper.change_interval(tx, config.capture.interval)

    def follow(self, config: Config, changed: Changed) -> None:  # noqa: ARG002
        """Tell the session's new document."""
        if _PATH in changed:
            self._followed.board.changed("session")
