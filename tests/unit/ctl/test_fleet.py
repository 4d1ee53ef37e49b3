"""Keeping the newest of what brokers tell."""

import pytest

from cinepi.clock import rfc3339
from cinepid.ctl.fleet import Fleet
from tests.unit.ctl.told import NOW, online, tell


def _seen(fleet: Fleet) -> str | None:
    session = fleet.devices["garden"].session
    return None if session is None else session.state


def test_an_older_document_does_not_win() -> None:
    """A node of a cluster that serves what was superseded changes nothing, whatever the order."""
    for order in ((1, 2), (2, 1)):
        fleet = Fleet()
        for seq in order:
            tell(fleet, "garden", "session", seq=seq, state="active" if seq == 2 else "idle")
        assert _seen(fleet) == "active"


def test_a_new_run_wins_by_its_time() -> None:
    """A device that lost its memory begins to count again: then the time decides."""
    fleet = Fleet()
    tell(fleet, "garden", "session", seq=900, state="active")
    tell(fleet, "garden", "session", seq=1, boot="b2", at=rfc3339(NOW + 5), state="idle")
    assert _seen(fleet) == "idle"
    tell(fleet, "garden", "session", seq=901, at=rfc3339(NOW - 5), state="paused")
    assert _seen(fleet) == "idle"


def test_what_is_said_now_beats_a_clock_that_is_not_set() -> None:
    """A live message is news even if its device believes it is 1970."""
    fleet = Fleet()
    tell(fleet, "garden", "session", seq=900, state="active")
    tell(fleet, "garden", "session", live=True, seq=1, boot="b2", at=rfc3339(0), state="idle")
    assert _seen(fleet) == "idle"


@pytest.mark.parametrize("payload", [b'{"state":"\xff"}', b'{"x":' * 10_000, b"1"])
def test_what_nobody_can_read_is_told_of_its_device(payload: bytes) -> None:
    """Texts that are no UTF-8, and nesting without end, are no end of the program."""
    fleet = Fleet()
    fleet.hear("cinepi/garden/session", payload, is_live=True, wall=NOW, now=100.0)
    fleet.hear("cinepi/garden/event/gap", payload, is_live=True, wall=NOW, now=100.0)
    assert fleet.devices["garden"].unreadable == {"session"}


def test_junk_from_strangers_is_no_device() -> None:
    """Topics that no device could have, and documents that make no sense, are noticed only."""
    fleet = Fleet()
    for topic in ("cinepi/\x1b[31m/status", "cinepi/Garden/status", "cinepi//status", "cinepi/x"):
        fleet.hear(topic, b"{}", is_live=True, wall=NOW, now=1.0)
    assert (fleet.devices, fleet.strange) == ({}, 4)
    for payload in (b"[", b'{"seq":"x"}', b"[" * 100_000, b"x" * 1_000_000, b'{"state":5}'):
        fleet.hear("cinepi/garden/status", payload, is_live=True, wall=NOW, now=1.0)
    assert fleet.devices["garden"].unreadable == {"status"}


def test_a_device_that_was_cleared_is_gone() -> None:
    """An empty status is how a device leaves for good."""
    fleet = Fleet()
    online(fleet)
    fleet.hear("cinepi/garden/status", b"", is_live=True, wall=NOW, now=1.0)
    assert fleet.devices == {}


def test_missing_events_are_counted() -> None:
    """A jump in the numbers is a gap; a repeat is not."""
    fleet = Fleet()
    online(fleet)
    for seq in (4, 5, 5, 9):
        tell(fleet, "garden", "event/capture_stored", live=True, seq=seq)
    assert fleet.devices["garden"].events_missed == 3


def test_the_difference_of_clocks_comes_from_news_only() -> None:
    """Health that is said again has an old time in it, which is no sign of a wrong clock."""
    fleet = Fleet()
    online(fleet)
    tell(fleet, "garden", "health", live=True, seq=2, at=rfc3339(NOW + 7))
    assert fleet.devices["garden"].clock_ahead_s == 7
    tell(fleet, "garden", "health", live=True, seq=2, at=rfc3339(NOW - 25))
    assert fleet.devices["garden"].clock_ahead_s == 7


def test_a_device_that_says_all_again_has_no_wrong_clock() -> None:
    """On a broker that had stored nothing, its first health here is an old one, said again."""
    fleet = Fleet()
    tell(fleet, "garden", "health", live=True, seq=2, at=rfc3339(NOW - 25))
    assert fleet.devices["garden"].clock_ahead_s is None
