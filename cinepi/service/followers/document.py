"""Whoever watches is told that the configuration has changed."""

from cinepi.model.settings import Config
from cinepi.service.followers import contract
from cinepi.service.followers.contract import Changed


class Follower(contract.Follower):
    """Posts the document `config`."""

    def follow(self, config: Config, changed: Changed) -> None:  # noqa: ARG002
        """Tell the document."""
        self._followed.board.changed("config")
