"""Whom a command line means."""

import pytest

from cinepid.ctl.errors import NoDeviceError, UsageError
from cinepid.ctl.fleet import Fleet
from cinepid.ctl.target import choose, targets
from tests.unit.ctl.told import online, tell


@pytest.fixture
def fleet() -> Fleet:
    """Four devices, one of them offline."""
    fleet = Fleet()
    online(fleet, "roof-1", groups=["north"], tags=["hq"])
    online(fleet, "roof-2", groups=["north", "south"], area="Roof")
    online(fleet, "shed", groups=["south"])
    online(fleet, "gate")
    tell(fleet, "gate", "status", seq=2, state="offline", version="0.9")
    return fleet


@pytest.mark.parametrize(
    ("names", "groups", "matches", "is_all", "chosen"),
    [
        (["shed"], [], [], False, "shed"),
        (["roof-*", "shed"], [], [], False, "roof-1 roof-2 shed"),
        ([], ["south"], [], False, "roof-2 shed"),
        (["roof-*"], ["south"], [], False, "roof-2"),
        ([], [], [], True, "gate roof-1 roof-2 shed"),
        ([], [], ["version=0.*"], False, "gate"),
        ([], [], ["state=online", "session=idle"], False, "roof-1 roof-2 shed"),
        ([], [], ["tag=hq"], False, "roof-1"),
        ([], [], ["area=roof"], False, "roof-2"),
    ],
)
def test_the_rule(  # noqa: PLR0917 - one argument for each option
    fleet: Fleet,
    names: list[str],
    groups: list[str],
    matches: list[str],
    is_all: bool,  # noqa: FBT001
    chosen: str,
) -> None:
    """Names and globs choose, groups and matches narrow."""
    wanted = targets(names, groups, matches, is_all=is_all)
    assert [device.id for device in choose(wanted, fleet.devices.values())] == chosen.split()


def test_a_name_that_is_nobodys_is_an_error(fleet: Fleet) -> None:
    """A typing mistake must not go unnoticed among names that are right."""
    with pytest.raises(NoDeviceError, match=r"did you mean shed\?"):
        choose(targets(["roof-1", "shet"], [], [], is_all=False), fleet.devices.values())
    with pytest.raises(NoDeviceError, match="no device fits"):
        choose(targets([], ["west"], [], is_all=False), fleet.devices.values())


@pytest.mark.parametrize(
    ("matches", "said"),
    [(["versoin=1"], "did you mean version"), (["version"], "KEY=VALUE"), (["tag="], "KEY=VALUE")],
)
def test_a_match_that_makes_no_sense(matches: list[str], said: str) -> None:
    """A wrong key is a wrong command line, not a fleet without devices."""
    with pytest.raises(UsageError, match=said):
        targets([], [], matches, is_all=False)


def test_all_and_names_contradict_each_other() -> None:
    """Somebody who says both has not decided."""
    with pytest.raises(UsageError, match="not both"):
        targets(["shed"], [], [], is_all=True)
