"""What needs a person."""

from typing import Any

import pytest

from cinepi.clock import rfc3339
from cinepid.ctl.condition import Urgency, judge, usual_version
from cinepid.ctl.fleet import Fleet
from tests.unit.ctl.told import NOW, online, tell


def test_a_device_that_is_well_needs_nobody() -> None:
    """Nothing is said, and it goes to the end of the list."""
    judgement = judge(online(Fleet()), NOW, "1.0")
    assert (judgement.text, judgement.urgency) == ("", Urgency.NONE)


@pytest.mark.parametrize(
    ("channel", "content", "urgency", "said"),
    [
        ("status", {"state": "offline", "reason": "connection_lost"}, "ALARM", "connection lost"),
        ("status", {"state": "offline", "reason": "shutdown"}, "NOTE", "was stopped"),
        ("health", {"at": rfc3339(NOW - 600)}, "ALARM", "silent for 10m"),
        (
            "session",
            {"state": "active", "interval": 10, "last_frame_at": rfc3339(NOW - 300)},
            "ALARM",
            "takes no pictures for 5m",
        ),
        ("session", {"state": "paused", "pause_reason": "storage_full"}, "ALARM", "storage full"),
        (
            "session",
            {"state": "active", "interval": 1, "frames": 10, "missed": 5,
             "last_frame_at": rfc3339(NOW)},
            "WARNING",
            "5 frames missed",
        ),
        ("health", {"at": rfc3339(NOW + 60)}, "WARNING", "clock 60s ahead"),
        ("health", {"clock_synced": False}, "NOTE", "clock not set"),
        ("health", {"events_lost": 7}, "WARNING", "7 events lost"),
        ("health", {"disk_state": "full", "disk_free_bytes": 1}, "ALARM", "disk full"),
        ("health", {"under_voltage": True}, "WARNING", "power supply"),
        ("health", {"checks": {"mqtt": {"state": "failing", "reason": "why"}}}, "ALARM", "why"),
        ("health", {"mqtt": {"problem": "another device calls itself so"}}, "WARNING", "another"),
        ("status", {"state": "online", "version": "2.0"}, "NOTE", "others have 1.0"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(
    channel: str, content: dict[str, Any], urgency: str, said: str
) -> None:
    """Each kind of silence and trouble has its words and its urgency."""
    fleet = Fleet()
    device = online(fleet)
    tell(fleet, "garden", channel, seq=2, **content)
    judgement = judge(device, NOW, "1.0")
    assert judgement.urgency is Urgency[urgency]
    assert said in judgement.text


def test_a_wrong_clock_is_no_silence() -> None:
    """Times are judged by the clock of the device, where the difference is known."""
    fleet = Fleet()
    device = online(fleet)
    tell(fleet, "garden", "health", live=True, seq=2, at=rfc3339(NOW - 86400))
    tell(fleet, "garden", "session", seq=3, state="active", interval=5,
         last_frame_at=rfc3339(NOW - 86400))  # fmt: skip
    assert judge(device, NOW).text == "clock 24h behind"


def test_two_devices_of_one_name_are_noticed() -> None:
    """A run that comes back after another one cannot be the same device restarted."""
    fleet = Fleet()
    device = online(fleet)
    for seq, boot in enumerate(("b1", "b2", "b1"), 5):
        tell(fleet, "garden", "status", live=True, seq=seq, boot=boot, state="online")
    assert "two devices" in judge(device, NOW).text


def test_there_is_a_usual_version_only_if_most_have_it() -> None:
    """Of two devices with two versions, neither is the odd one."""
    fleet = Fleet()
    one, other = online(fleet, "one"), online(fleet, "other")
    assert usual_version([one, other]) == "1.0"
    tell(fleet, "other", "status", seq=2, state="online", version="2.0")
    assert usual_version([one, other]) is None
