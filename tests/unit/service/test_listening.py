"""The socket's place: what an earlier run left, and what is somebody else's."""

import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cinepi.errors import PermissionDeniedError
from cinepi.lock import only_one
from cinepi.paths import Layout
from cinepi.service.listening import listen

NOBODY = 65534


@pytest.fixture
def roots() -> Iterator[Layout]:
    """An installation that root has used once, in the hands of another user."""
    if os.geteuid() != 0:
        pytest.skip("only root can make files of two users")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        layout = Layout(Path(folder))
        layout.socket.parent.mkdir(parents=True)
        layout.journal.parent.mkdir(parents=True, mode=0o700)
        os.seteuid(NOBODY)
        try:
            yield layout
        finally:
            os.seteuid(0)


def test_what_an_earlier_run_left_gives_way(tmp_path: Path) -> None:
    """After a kill the socket is still there, and nobody listens on it."""
    layout = Layout(tmp_path)
    layout.socket.parent.mkdir(parents=True)
    layout.socket.touch()
    with listen(layout), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(layout.socket))
        assert layout.socket.stat().st_mode & 0o777 == 0o660
    assert not layout.socket.exists()


def test_a_folder_of_somebody_else_is_named(roots: Layout) -> None:
    """With its owner, and with who asks."""
    said = r"make the socket .*/run/cinepi belongs to root; this program runs as nobody"
    with pytest.raises(PermissionDeniedError, match=said), listen(roots):
        pytest.fail("it listens")


def test_a_lock_of_somebody_else_is_named(roots: Layout) -> None:
    """The folder of the journal may not even be opened."""
    said = r"cannot use .*/cinepi: Permission denied; .* belongs to root"
    with pytest.raises(PermissionDeniedError, match=said), only_one(roots.journal.parent, "it"):
        pytest.fail("it is locked")
