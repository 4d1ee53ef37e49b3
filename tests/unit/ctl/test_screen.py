"""What keys do to the live view."""

from cinepid.ctl.fleet import Fleet
from cinepid.ctl.keyboard import split
from cinepid.ctl.overview import Line, lines
from cinepid.ctl.screen import View
from tests.unit.ctl.told import NOW, online


def _lines() -> list[Line]:
    fleet = Fleet()
    devices = [online(fleet, name) for name in ("gate", "roof", "shed")]
    return lines(devices, devices, NOW)


def _chosen(view: View) -> str | None:
    line = view.chosen_line(_lines())
    return line and line.device.id


def test_the_cursor_moves_and_stops_at_the_ends() -> None:
    """Down and up, not beyond."""
    view = View()
    chosen = []
    for key in ("k", "down", "j", "j", "up"):
        view.press(key, _lines())
        chosen.append(_chosen(view))
    assert chosen == ["gate", "roof", "shed", "shed", "roof"]


def test_a_filter_is_typed_and_left() -> None:
    """While it is typed, keys are letters; escape shows all again."""
    view = View()
    for key in ("/", "s", "x", "backspace", "h", "enter"):
        assert view.press(key, _lines()) is None
    assert _chosen(view) == "shed"
    assert view.press("s", _lines()) == "snapshot"
    view.press("escape", _lines())
    assert len(view.shown(_lines())) == 3


def test_keys_are_told_apart() -> None:
    """Arrows, letters and what no one has asked for, in one read."""
    assert list(split("a\x1b[A\x1b[1;5Cq\r\x7fé\x00")) == [
        "a",
        "up",
        "q",
        "enter",
        "backspace",
        "é",
    ]
    assert list(split("\x1b")) == ["escape"]
