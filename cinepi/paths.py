"""Where everything lies: the installed layout, and how one root moves all of it."""

import os
from pathlib import Path
from typing import NamedTuple

from cinepi.errors import InvalidArgumentError

ROOT_VARIABLE = "CINEPI_ROOT"


def at_home(path: str, name: str) -> Path:
    """The path, with the home folder in place of a `~` or `~user` at its beginning.

    Args:
        path: As somebody wrote it.
        name: What it is called, for the error.

    Raises:
        InvalidArgumentError: Nobody knows that home folder.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        whose = path.partition("/")[0]
        message = f"{name} begins with {whose}, and no home folder is known for it: write all of it"
        raise InvalidArgumentError.at(f"/{name}", message) from error


class Layout(NamedTuple):  # a dataclass would cost every command line 10 ms of imports
    """Every path of the product below one root; `/` is the installed system.

    Attributes:
        root: The folder that takes the place of `/`.
    """

    root: Path

    @classmethod
    def find(cls, root: str | Path | None = None) -> "Layout":
        """Take `root`, else `CINEPI_ROOT` from the environment, else `/`.

        A `~` at the beginning is a home folder, as in a shell: systemd, cron and `--root=~/x` hand
        it over as it is.

        Raises:
            InvalidArgumentError: `root` is empty: it comes of a variable that is not set, and does
                not mean the whole system. Or it begins with a home folder that is not known, or
                leads on from a working folder that is gone.
        """
        if root == "":
            raise InvalidArgumentError.at("/root", "root must be a folder, not an empty text")
        given = str(root or os.environ.get(ROOT_VARIABLE) or "/")
        try:
            return cls(at_home(given, "root").absolute())
        except FileNotFoundError as error:
            message = f"root is {given}, and the folder in which this program was started is gone"
            raise InvalidArgumentError.at("/root", message) from error

    @property
    def captures(self) -> Path:
        """The folder of all pictures."""
        return self.root / "opt/cinepi/captures"

    @property
    def config(self) -> Path:
        """The camera service's configuration file."""
        return self.root / "opt/cinepi/config/cinepi.yaml"

    @property
    def backups(self) -> Path:
        """The folder of the configuration's backups."""
        return self.root / "opt/cinepi/config/backups"

    @property
    def daemon_config(self) -> Path:
        """The MQTT daemon's configuration file."""
        return self.root / "opt/cinepi/config/cinepid.yaml"

    @property
    def journal(self) -> Path:
        """The database of events, captures, sessions and requests."""
        return self.root / "var/lib/cinepi/journal.db"

    @property
    def daemon_state(self) -> Path:
        """What the MQTT daemon remembers over a restart."""
        return self.root / "var/lib/cinepid/state.json"

    @property
    def log(self) -> Path:
        """The camera service's log, one JSON object a line."""
        return self.root / "var/log/cinepi/system.log"

    @property
    def daemon_log(self) -> Path:
        """The MQTT daemon's log, one JSON object a line."""
        return self.root / "var/log/cinepid/app.log"

    @property
    def socket(self) -> Path:
        """The camera service's Unix socket."""
        return self.root / "run/cinepi/cinepi.sock"

    @property
    def faults(self) -> Path:
        """Faults that the simulated camera has been asked to show."""
        return self.root / "run/cinepi/simulated-faults.json"
