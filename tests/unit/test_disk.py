"""What the system says of files, in words that name what a person can do."""

import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cinepi.disk import opened, our_errors, speaking_of, user_name
from cinepi.errors import (
    CinepiError,
    ConflictError,
    InternalError,
    PermissionDeniedError,
    StorageUnavailableError,
)

NOBODY = 65534


@pytest.fixture
def as_nobody() -> Iterator[Path]:
    """A folder of another user's, seen without root's rights."""
    if os.geteuid() != 0:
        pytest.skip("only root can be two users")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        os.seteuid(NOBODY)
        try:
            yield Path(folder)
        finally:
            os.seteuid(0)


def test_another_users_folder_is_named_with_its_owner(as_nobody: Path) -> None:
    """Files that root made are in the way of the service's own user: both are named."""
    with pytest.raises(PermissionDeniedError) as caught, speaking_of(as_nobody / "file", "write"):
        (as_nobody / "file").write_text("")
    assert str(caught.value) == (
        f"cannot write {as_nobody / 'file'}: Permission denied; "
        f"{as_nobody} belongs to root; this program runs as {user_name(NOBODY)}"
    )


def test_another_users_pictures_are_named_with_their_owner(as_nobody: Path) -> None:
    """The folder of the pictures speaks with the same words."""
    words = "belongs to root; this program runs as"
    with pytest.raises(PermissionDeniedError, match=words), our_errors(as_nobody):
        (as_nobody / "picture").write_text("")


def test_a_folder_above_that_may_not_be_entered_is_named(as_nobody: Path) -> None:
    """Not the file, of which nothing can be seen, but the folder that hides it."""
    os.seteuid(0)
    hidden = as_nobody / "hidden"
    hidden.mkdir(mode=0o700)
    os.seteuid(NOBODY)
    below = hidden / "below" / "file"
    words = f"{hidden} belongs to root"
    with pytest.raises(PermissionDeniedError, match=words), speaking_of(below, "read"):
        below.read_text()


def test_a_link_to_a_folder_that_is_not_there_asks_for_the_disk(tmp_path: Path) -> None:
    """Where the folder of the pictures leads to a stick that is not mounted, the words say so."""
    link = tmp_path / "captures"
    link.symlink_to(tmp_path / "stick" / "captures")
    with pytest.raises(StorageUnavailableError) as caught, opened(link, make=True):
        pass
    assert str(caught.value) == (
        f"cannot use {link}: {link} is a link to {tmp_path / 'stick' / 'captures'}, "
        "which is not there: is the disk mounted?"
    )


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (errno.EROFS, PermissionDeniedError, "the disk is mounted read-only"),
        (errno.EIO, InternalError, "may be failing"),
        (errno.ESTALE, StorageUnavailableError, "is it plugged in, and mounted"),
        (errno.ENOTCONN, StorageUnavailableError, "is it plugged in, and mounted"),
        (errno.EBUSY, InternalError, "mount its folder instead"),
        (errno.ELOOP, ConflictError, "Too many levels"),
    ],
)
def test_each_refusal_says_what_to_do(
    tmp_path: Path, code: int, kind: type[CinepiError], words: str
) -> None:
    """One table for pictures, configuration and journal."""
    with pytest.raises(kind, match=words), speaking_of(tmp_path, "write"):
        raise OSError(code, os.strerror(code))
