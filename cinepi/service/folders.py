"""The folders of the service, made at the start."""

from contextlib import suppress

from cinepi.disk import speaking_of
from cinepi.errors import PermissionDeniedError
from cinepi.paths import Layout


def make_folders(layout: Layout) -> None:
    """Make every folder that the service writes in.

    The folder of the pictures may be on a disk that comes later: health says what it lacks.

    Raises:
        PermissionDeniedError: Naming the folder, whose it is, and what to do.
        CinepiError: Something else is in its place, or the system fails otherwise.
    """
    with suppress(OSError):
        layout.captures.mkdir(parents=True, exist_ok=True)
    for folder in (
        layout.backups,
        layout.journal.parent,
        layout.log.parent,
        layout.socket.parent,
    ):
        try:
            with speaking_of(folder, "make the folder"):
                folder.mkdir(parents=True, exist_ok=True)
        except PermissionDeniedError as error:
            advice = "run as the user cinepi, or set CINEPI_ROOT to a folder of your own"
            raise PermissionDeniedError(f"{error}; {advice}") from error
