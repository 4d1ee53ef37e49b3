"""Files that let us in: what is said where they cannot be read."""

from pathlib import Path

import pytest

from cinepid import tls
from cinepid.config import BrokerSettings
from cinepid.errors import ConnectError


def _said_of(path: Path) -> str:
    with pytest.raises(ConnectError) as caught:
        tls.password(BrokerSettings(username="garden", password_file=str(path)))
    return str(caught.value)


def test_a_missing_file_is_named_once_and_in_words(tmp_path: Path) -> None:
    """The system's reason, without Python's way to write it."""
    gone = tmp_path / "gone"
    assert _said_of(gone) == f"the password file {gone} cannot be read: No such file or directory"
    with pytest.raises(ConnectError) as caught:
        tls.context(BrokerSettings(ca_file=str(gone)))
    assert str(caught.value) == f"the TLS files {gone} cannot be used: No such file or directory"


def test_a_password_that_is_no_text_is_said_to_be_none(tmp_path: Path) -> None:
    """As where somebody names a key instead."""
    path = tmp_path / "key.der"
    path.write_bytes(b"\xff\xfe\x00")
    assert _said_of(path) == f"the password file {path} is not UTF-8 text"
