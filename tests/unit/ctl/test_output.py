"""Tables, in terminals of every width."""

import pytest

from cinepid.ctl.output import Column, Output, Row

COLUMNS = (
    Column("DEVICE"),
    Column("FRAMES", is_number=True),
    Column("PROBLEM", takes_the_rest=True),
)
ROWS = (
    Row(("garden", "17", "the camera is in use by another process: rpicam-vid (pid 4242)")),
    Row(("roof", "4", "")),
)


@pytest.fixture
def output() -> Output:
    """A person reads."""
    output = Output(is_json=False, colour=False)
    output.is_terminal = True
    return output


def test_in_a_narrow_terminal_problems_have_lines_of_their_own(
    output: Output, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What matters most is neither cut nor squeezed into a column of few characters."""
    monkeypatch.setenv("COLUMNS", "44")
    output.table(COLUMNS, ROWS)
    assert capsys.readouterr().out.splitlines() == [
        "DEVICE  FRAMES",
        "garden      17",
        "    the camera is in use by another process:",
        "    rpicam-vid (pid 4242)",
        "roof         4",
    ]


def test_in_a_wide_terminal_each_device_has_one_line(
    output: Output, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where there is room for them."""
    monkeypatch.setenv("COLUMNS", "100")
    output.table(COLUMNS, ROWS)
    _, garden, roof = capsys.readouterr().out.splitlines()
    assert "(pid 4242)" in garden
    assert roof.split() == ["roof", "4"]
