"""Programs die at any instant while a session runs and commands arrive; the promises hold.

`make torture` goes through every point; here are the ones where most can go wrong.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.kills import Campaign
from tests.faults.points import Point
from tests.faults.stack import LIMIT

SERVICE = (
    Point("service", "pwrite64", 30),
    Point("service", "renameat2", 2),
    Point("service", "fdatasync", 9),
    Point("service", "fsync", 4),
    Point("service", "unlinkat", 1),
)
DAEMON = (
    Point("daemon", "sendto", 40),
    Point("daemon", "recvfrom", 55),
    Point("daemon", "fsync", 1),
    Point("daemon", "rename", 2),
)
BROKER = (Point("broker", "write", 40), Point("broker", "rename", 1), Point("broker", "read", 60))

RECOVERED = 15.0
"""Seconds from a death to the next picture that is heard of; 0.4 to 2 as a rule, and more where a
broker dies twice within seconds, since the daemon then waits a little longer each time."""


@pytest.fixture
def start_campaign(tmp_path: Path) -> Iterator[Callable[..., Campaign]]:
    """A device under way."""
    running: list[Campaign] = []

    def start(*, is_persistent: bool = True) -> Campaign:
        campaign = Campaign(tmp_path, is_persistent=is_persistent)
        running.append(campaign)
        return campaign

    yield start
    for campaign in running:
        campaign.close()


@pytest.mark.timeout(240)
@pytest.mark.parametrize("points", [SERVICE, DAEMON, BROKER], ids=["service", "daemon", "broker"])
def test_kill_9_loses_nothing_and_repeats_nothing(
    start_campaign: Callable[..., Campaign], points: tuple[Point, ...]
) -> None:
    """Every picture, slot, event and command is accounted for after each death."""
    campaign = start_campaign()
    if points is not BROKER:  # the broker is there all the time, and loses nothing
        campaign.traffic.patience = LIMIT
    half = len(points) // 2
    for some in (points[:half], points[half:]):
        tally = campaign.run(some)
        assert tally.problems == []
        assert max(tally.recovery) < RECOVERED
    if points is not BROKER:
        assert campaign.traffic.sent_again == 0


@pytest.mark.timeout(120)
def test_a_broker_that_forgets_everything_costs_nothing(
    start_campaign: Callable[..., Campaign],
) -> None:
    """What a broker without persistence lost is said again, or can be asked for."""
    campaign = start_campaign(is_persistent=False)
    tally = campaign.run([Point("broker", "write", number) for number in (40, 80)])
    assert tally.problems == []
    assert max(tally.recovery) < RECOVERED
