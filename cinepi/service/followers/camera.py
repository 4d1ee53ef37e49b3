"""The camera follows its section, between two pictures."""

from cinepi.errors import Problem
from cinepi.model.settings import Config
from cinepi.service.followers import contract
from cinepi.service.followers.contract import Changed

_SECTION = "/camera/"


class Follower(contract.Follower):
    """Asks the camera before a change, and the shutter after it."""

    def problems(self, config: Config, changed: Changed) -> list[Problem]:
        """What the connected camera cannot do."""
        keys = [path.removeprefix(_SECTION) for path in changed if path.startswith(_SECTION)]
        changes = {key: getattr(config.camera, key) for key in keys}
        return [
            Problem(f"/camera{problem.field}", problem.message)
            for problem in self._followed.camera.check(changes)
        ]

    def follow(self, config: Config, changed: Changed) -> None:  # noqa: ARG002
        """Have the shutter hand over what is in force, when that costs no slot."""
        if any(path.startswith(_SECTION) for path in changed):
            self._followed.shutter.follow()
