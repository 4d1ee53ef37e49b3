"""Finds the followers, every file of this folder that has one, and speaks to all of them."""

from collections.abc import Sequence
from importlib import import_module
from pkgutil import iter_modules

from cinepi.errors import CinepiError, Problem
from cinepi.journal.journal import Transaction
from cinepi.logs.setup import logger
from cinepi.model.settings import Config
from cinepi.service.followers.contract import Changed, Followed, Follower

_PACKAGE = "cinepi.service.followers"
_NO_FOLLOWERS = {"contract", "registry"}

_log = logger("config")


class Followers:
    """All followers, as one; see `Follower` for what each is asked."""

    def __init__(self, followers: Sequence[Follower]) -> None:
        """Speak to these, in their order."""
        self._followers = tuple(followers)

    def problems(self, config: Config, changed: Changed) -> list[Problem]:
        """All that anybody objects to."""
        return [
            problem
            for follower in self._followers
            for problem in follower.problems(config, changed)
        ]

    def join(self, tx: Transaction, config: Config, changed: Changed) -> None:
        """Let everybody write what belongs to the change."""
        for follower in self._followers:
            follower.join(tx, config, changed)

    def follow(self, config: Config, changed: Changed) -> None:
        """Let everybody act on a change that holds; it holds also where somebody cannot."""
        for follower in self._followers:
            try:
                follower.follow(config, changed)
            except CinepiError as error:
                _log.error("a change of settings is not followed", reason=str(error))


def all_followers(followed: Followed) -> Followers:
    """One of each, in the order of their names."""
    package = import_module(_PACKAGE)
    names = sorted(module.name for module in iter_modules(package.__path__))
    return Followers(
        [
            import_module(f"{_PACKAGE}.{name}").Follower(followed)
            for name in names
            if name not in _NO_FOLLOWERS
        ]
    )
