"""Where everything lies, as people spell it."""

from pathlib import Path

import pytest

from cinepi.errors import InvalidArgumentError
from cinepi.paths import ROOT_VARIABLE, Layout


def test_a_home_folder_is_meant_by_its_sign(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No folder that is called `~` comes into being where somebody stands."""
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Layout.find("~/x").root == tmp_path / "x"
    monkeypatch.setenv(ROOT_VARIABLE, "~/y")
    assert Layout.find().root == tmp_path / "y"


def test_a_home_that_nobody_knows_is_refused() -> None:
    """With the sign, and what to write instead."""
    with pytest.raises(InvalidArgumentError, match=r"root begins with ~nobody-such, .* write all"):
        Layout.find("~nobody-such/x")


def test_a_root_in_a_folder_that_is_gone_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Somebody has removed the folder in which they stand."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(InvalidArgumentError, match="the folder in which this program was started"):
        Layout.find("x")
    assert Layout.find("/x").root == Path("/x")
