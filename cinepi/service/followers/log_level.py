"""The log follows its level at once."""

from cinepi.logs.setup import set_level
from cinepi.model.settings import Config
from cinepi.service.followers import contract
from cinepi.service.followers.contract import Changed


class Follower(contract.Follower):
    """Sets the level of all loggers."""

    def follow(self, config: Config, changed: Changed) -> None:
        """Log from the new level on."""
        if "/system/log_level" in changed:
            set_level(config.system.log_level)
