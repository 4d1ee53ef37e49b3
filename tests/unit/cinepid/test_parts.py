"""Small parts: waiting, memory and the board."""

import json
from pathlib import Path

import pytest

from cinepid.acknowledgement import OVERTAKING, Acknowledgements
from cinepid.memory import Memory
from cinepid.payloads import Stamp, stamped
from cinepid.publishers.board import Board
from cinepid.uplink import LONGEST_WAIT, wait_before


def test_waits_grow_are_spread_and_have_an_end() -> None:
    """So that a fleet does not knock at one instant, nor ever give up."""
    assert wait_before(1, 0.0) == 0.5
    assert wait_before(1, 1.0) == 1.0
    assert wait_before(3, 1.0) == 4.0
    assert wait_before(100, 1.0) == LONGEST_WAIT
    assert all(wait_before(n, 0.0) <= wait_before(n + 1, 0.0) for n in range(1, 50))


def test_acknowledgements_keep_the_order_of_the_messages() -> None:
    """One that is done waits for those before it."""
    owed = Acknowledgements()
    for mid in (1, 2, 3):
        owed.receive(mid)
    assert owed.finish(3) == []
    assert owed.finish(1) == [1]
    assert owed.finish(2) == [2, 3]
    assert owed.finish(2) == []


def test_one_slow_command_does_not_keep_back_all_others() -> None:
    """Where too many wait behind it, those that are done are acknowledged first."""
    owed = Acknowledgements()
    for mid in range(1, OVERTAKING + 2):
        owed.receive(mid)
    assert owed.finish(5) == [5]
    assert owed.finish(7) == []
    assert owed.finish(1) == [1]
    assert [owed.finish(mid) for mid in (2, 3, 4, 6)] == [[2], [3], [4], [6, 7]]


def test_numbers_never_go_back(tmp_path: Path) -> None:
    """Not even when the process is killed after having used some."""
    path = tmp_path / "state.json"

    def use(count: int) -> list[int]:
        memory = Memory(path)
        return [memory.take_seq() for _ in range(count)]

    numbers = [*use(3), *use(2500), *use(3)]
    assert numbers == sorted(set(numbers))


def test_the_cursor_is_kept(tmp_path: Path) -> None:
    """As soon as it has moved, also by a process that is killed then."""
    path = tmp_path / "state.json"
    Memory(path).remember(cursor=42)
    assert Memory(path).cursor == 42


@pytest.mark.parametrize("content", [b"", b"4", b"\x00" * 21, "٤".encode() * 10 + b"\n"])
def test_a_damaged_cursor_is_an_older_one(tmp_path: Path, content: bytes) -> None:
    """Where it stood when the other file was written last; events come again from there."""
    path = tmp_path / "state.json"
    memory = Memory(path)
    memory.remember(cursor=40)
    memory.add_lost(1)
    memory.remember(cursor=42)
    path.with_suffix(".cursor").write_bytes(content)
    assert Memory(path).cursor == 40


def test_a_gap_that_is_met_again_is_counted_once(tmp_path: Path) -> None:
    """It grows while it cannot be told, and the process may be killed meanwhile."""
    path = tmp_path / "state.json"
    memory = Memory(path)
    memory.add_gap(10, 110, 100)
    memory.add_gap(10, 160, 150)
    memory = Memory(path)
    memory.add_gap(10, 160, 150)
    assert memory.content.events_lost == 150
    memory.begin_anew()
    memory.add_gap(0, 5, 5)
    assert memory.content.events_lost == 155


def test_another_journal_begins_at_its_beginning(tmp_path: Path) -> None:
    """Its events have numbers that the cursor has passed in the old one."""
    path = tmp_path / "state.json"
    memory = Memory(path)
    memory.remember(cursor=42)
    assert not memory.meet_journal("")
    assert not memory.meet_journal("first")
    assert (Memory(path).cursor, memory.meet_journal("first")) == (42, False)
    assert memory.meet_journal("second")
    assert Memory(path).cursor == 0


@pytest.mark.parametrize(
    "content", [b"", b"\x00\xff", b'{"cursor": "no"}', b'{"journal": "a\xff"}', b"[]"]
)
def test_a_damaged_memory_is_an_empty_one(tmp_path: Path, content: bytes) -> None:
    """Events come again then, which their numbers tell."""
    path = tmp_path / "state.json"
    path.write_bytes(content)
    assert Memory(path).cursor == 0


def test_a_memory_that_cannot_be_written_ends_nothing(tmp_path: Path) -> None:
    """A full disk is said elsewhere; it is tried again with each number."""
    path = tmp_path / "no" / "folder.json"
    memory = Memory(path)
    memory.remember(cursor=7)
    assert [memory.take_seq(), memory.take_seq()] == [1, 2]
    path.parent.mkdir()
    assert memory.take_seq() == 3
    assert Memory(path).take_seq() > 3


def test_a_stamp_comes_first() -> None:
    """One JSON object, also where the document is empty."""
    stamp = Stamp(at="now", boot="b", seq=1)
    assert json.loads(stamped(stamp, b'{"x":1}')) == {"at": "now", "boot": "b", "seq": 1, "x": 1}
    assert json.loads(stamped(stamp, b"{}")) == {"at": "now", "boot": "b", "seq": 1}


def _write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_a_raspberry_pi_tells_of_itself(tmp_path: Path) -> None:
    """Model, serial, temperature, supply, throttling and wireless signal."""
    _write(tmp_path, "sys/firmware/devicetree/base/model", "Raspberry Pi 5 Model B Rev 1.0\0")
    _write(tmp_path, "sys/firmware/devicetree/base/serial-number", "10000000abcdef01\0")
    _write(tmp_path, "sys/class/thermal/thermal_zone0/type", "cpu-thermal\n")
    _write(tmp_path, "sys/class/thermal/thermal_zone0/temp", "48123\n")
    _write(tmp_path, "sys/devices/platform/soc/soc:firmware/get_throttled", "50005\n")
    wireless = "Inter-| sta-|\n face | tus |\n wlan0: 0000   54.  -56.  -256        0\n"
    _write(tmp_path, "proc/net/wireless", wireless)
    board = Board(tmp_path)
    assert board.model() == "Raspberry Pi 5 Model B Rev 1.0"
    assert board.serial() == "10000000abcdef01"
    assert board.temperature_c() == 48.123
    assert board.under_voltage() is True
    assert board.throttled() is True
    assert board.wifi_signal_dbm() == -56


def test_a_pi_whose_firmware_is_silent_still_tells_of_its_supply(tmp_path: Path) -> None:
    """The kernel's sensor does."""
    _write(tmp_path, "sys/class/hwmon/hwmon1/name", "rpi_volt\n")
    _write(tmp_path, "sys/class/hwmon/hwmon1/in0_lcrit_alarm", "0\n")
    assert Board(tmp_path).under_voltage() is False
    assert Board(tmp_path).throttled() is None


def test_another_machine_says_what_it_cannot_tell(tmp_path: Path) -> None:
    """None is not zero."""
    board = Board(tmp_path)
    assert board.model()
    assert board.serial() == ""
    found = (board.temperature_c(), board.under_voltage(), board.throttled())
    assert (*found, board.wifi_signal_dbm()) == (None, None, None, None)
